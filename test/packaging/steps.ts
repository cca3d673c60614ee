import { execFile } from 'node:child_process'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The workspace. */
export const root: string = fileURLToPath(new URL('../..', import.meta.url))

let failed = 0

/** How many checks have failed. */
export function failures(): number {
  return failed
}

/** Runs one check and prints one line for it; for a failure also why, and what to do about it. */
export async function check(name: string, advice: string, work: () => unknown): Promise<boolean> {
  try {
    await work()
    console.log(`ok    ${name}`)
    return true
  } catch (error) {
    failed += 1
    const reason = error instanceof Error ? error.message : String(error)
    console.log(`FAIL  ${name}\n${indent(reason)}\n      → ${advice}`)
    return false
  }
}

/** Fails a check with a list of what is wrong, if anything is. */
export function expectNone(wrong: readonly string[]): void {
  if (wrong.length > 0) throw new Error(wrong.join('\n'))
}

/** Where a tool is run, and for how long. */
export interface RunOptions {
  /** Default: the workspace. */
  readonly cwd?: string
  /** When it is ended, because it does not end by itself. Default: 600,000 (10 min). */
  readonly timeoutMs?: number
}

/** Runs a tool of the workspace, or one on the path; rejects with all its output if it fails. */
export function run(
  tool: string,
  args: readonly string[],
  { cwd = root, timeoutMs = 600_000 }: RunOptions = {},
): Promise<string> {
  const tools = join(root, 'node_modules/.bin')
  const env = { ...process.env, PATH: `${tools}${delimiter}${process.env['PATH']}` }
  return new Promise((resolve, reject) => {
    const options = { cwd, env, maxBuffer: 2 ** 26, timeout: timeoutMs }
    execFile(tool, args, options, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout)
      const fate = error.killed ? `It had not ended after ${timeoutMs / 1000} s.` : ''
      const said = `${tool} ${args.join(' ')}\n${stdout}${stderr}${fate}`.trim()
      return reject(new Error(said, { cause: error }))
    })
  })
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, '      ')
}
