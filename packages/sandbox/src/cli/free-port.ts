import type { SandboxOptions } from '../options.ts'
import type { Sandbox } from '../sandbox.ts'

const TRIES = 20

/** Starts a sandbox on the port that is asked for, or on the next one that is free. */
export async function startOnFreePort(
  options: SandboxOptions,
  isStrict: boolean,
): Promise<Sandbox> {
  // Loaded here: the other commands start in half the time without a server.
  const { startSandbox } = await import('../start.ts')
  const first = options.port ?? 0
  const last = isStrict || first === 0 ? first : Math.min(first + TRIES, 65_535)
  for (let port = first; ; port += 1) {
    try {
      // oxlint-disable-next-line no-await-in-loop -- one port after another
      return await startSandbox({ ...options, port })
    } catch (error) {
      if (port >= last || !isTaken(error)) throw error
    }
  }
}

function isTaken(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'port-taken'
}
