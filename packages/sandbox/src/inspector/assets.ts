/** What the inspector's page loads. */
export interface Assets {
  /** An ES module. */
  readonly script: string
  readonly style: string
}

let built: Promise<Assets> | undefined

/**
 * The bundled page. From source it is built at the first call; the packed package contains the result
 * in place of this module (tsup.config.ts).
 */
export function loadAssets(): Promise<Assets> {
  built ??= import('./build.ts').then(({ buildAssets }) => buildAssets())
  return built
}
