import { readFile } from 'node:fs/promises'
import { join, parse } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'tsup'

/** Bundles an app of this folder from the packages' sources, with the settings they are built with. */
export async function bundleApp(
  keys: BundledKeys,
  outDir: string,
  entry: URL = new URL('app.ts', import.meta.url),
): Promise<Bundle> {
  await build({
    entry: [fileURLToPath(entry)],
    outDir,
    config: false,
    dts: false,
    silent: true,
    format: 'esm',
    target: 'node22',
    removeNodeProtocol: false,
    external: [/^cloudflare:/],
    noExternal: [/^(?!node:|cloudflare:)/],
    outExtension: () => ({ js: '.mjs' }),
    define: {
      PUBLIC_KEY: JSON.stringify(keys.publicKey),
      PRIVATE_KEY: JSON.stringify(keys.privateKey),
    },
  })
  const path = join(outDir, `${parse(entry.pathname).name}.mjs`)
  return { path, code: await readFile(path, 'utf8') }
}

/** Keys in PEM: Ping++'s, and the merchant's own. */
export interface BundledKeys {
  readonly publicKey: string
  readonly privateKey: string
}

/** The app in one file. */
export interface Bundle {
  readonly path: string
  readonly code: string
}
