/**
 * Refuses a runtime that is too old at start-up: Node 20 would start, and then answer 500 to every
 * webhook. Checks for the newest feature that hongbao needs (Node 22) instead of a version, because Bun,
 * Deno and Workers have other versions.
 */
export function refuseOldRuntime(): void {
  if ('withResolvers' in Promise) return
  // With `?.`, because some runtimes have no `process`.
  const version: unknown = globalThis.process?.version
  const found = typeof version === 'string' ? `Node.js ${version}` : 'an older runtime'
  throw new Error(`[hongbao] This is ${found}, but hongbao needs Node.js 22.12 or later.`)
}
