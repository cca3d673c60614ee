import * as fs from 'node:fs'
import { dirname } from 'node:path'
import { codeOf } from '../error-code.ts'
import { Refusal } from '../errors.ts'
import { isAlive } from '../process-id.ts'
import { READ_NO_LINK } from './own-files.ts'

/** The folders that this process has. Where the system does not tell when a process was started, they tell its own locks from those of an earlier process with its id. */
const held = new Set<string>()

/**
 * Takes a file for this process. A file that a process left behind when it was killed is taken over, also if another
 * process, or this one, has the same id: in a container all have the id 1. Returns how to give it back.
 *
 * @throws SandboxError `option-invalid` if a running process has it
 */
export function lockFile(path: string): () => void {
  // A folder can have several paths.
  const folder = fs.realpathSync(dirname(path))
  try {
    const owner = `${process.pid} ${statOf(process.pid)?.start ?? ''}`
    fs.writeFileSync(path, owner.trim(), { flag: 'wx', mode: 0o600 })
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
    const [pid = '', start] = fs
      .readFileSync(path, { encoding: 'utf8', flag: READ_NO_LINK })
      .split(' ')
    const owner = Number(pid)
    if (held.has(folder) || isRunning(owner, start)) {
      throw new Refusal('folder-in-use', { pid: owner, path }, { cause: error })
    }
    fs.rmSync(path, { force: true })
    return lockFile(path)
  }
  held.add(folder)
  return () => {
    held.delete(folder)
    fs.rmSync(path, { force: true })
  }
}

/** Whether the process that was started then still runs. Without `start`: whether any process with the id does. */
function isRunning(pid: number, start: string | undefined): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false
  const stat = statOf(pid)
  if (stat !== undefined && 'ZX'.includes(stat.state)) return false
  if (stat !== undefined && start !== undefined) return stat.start === start
  return pid !== process.pid && isAlive(pid)
}

/** State and start of a process, in ticks since the machine was started; undefined where the system is not Linux, or there is no such process. */
function statOf(pid: number): { readonly state: string; readonly start: string } | undefined {
  try {
    const text = fs.readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The fields from the third on (proc_pid_stat(5)); the second, a name, may contain spaces and brackets.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    const [state, start] = [fields[0], fields[19]]
    return state === undefined || start === undefined ? undefined : { state, start }
  } catch {
    return undefined
  }
}
