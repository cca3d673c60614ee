import * as fs from 'node:fs'
import { SandboxError } from '../errors.ts'

/**
 * Takes a file for this process. A file that a process left behind when it was killed is taken over. Returns how to
 * give it back.
 *
 * @throws SandboxError `option-invalid` if a running process has it
 */
export function lockFile(path: string): () => void {
  try {
    fs.writeFileSync(path, String(process.pid), { flag: 'wx', mode: 0o600 })
  } catch (error) {
    const owner = Number(fs.readFileSync(path, 'utf8'))
    if (!(error instanceof Error) || isRunning(owner)) {
      throw new SandboxError(
        'option-invalid',
        `Process ${owner} keeps its events in the same folder. Stop it, or give \`persist\` another folder. If it is no sandbox, delete ${path}.`,
        { cause: error },
      )
    }
    fs.rmSync(path, { force: true })
    return lockFile(path)
  }
  return () => fs.rmSync(path, { force: true })
}

function isRunning(pid: number): boolean {
  if (!(pid > 0)) return false
  try {
    // Signal 0 only asks.
    return process.kill(pid, 0)
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
