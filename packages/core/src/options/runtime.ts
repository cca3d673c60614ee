/**
 * Refuses a runtime that is too old, before it fails at the first event: Node 20 starts without
 * complaint, and would answer 500 to every genuine webhook.
 *
 * Asks for the newest thing that hongbao needs (Node 22), and not for a version, which Bun, Deno and
 * Workers have in other forms.
 */
export function refuseOldRuntime(): void {
  if ('withResolvers' in Promise) return
  // By question marks: there are runtimes without `process`.
  const version: unknown = globalThis.process?.version
  const found = typeof version === 'string' ? `Node.js ${version}` : 'an older runtime'
  throw new Error(`[hongbao] This is ${found}, but hongbao needs Node.js 22.12 or later.`)
}
