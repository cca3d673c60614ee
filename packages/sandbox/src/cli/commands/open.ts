import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { command, type Commands, type Host } from '../command.ts'
import { inspectorUrl } from '../place.ts'

export const commands: Commands = {
  open: command([], {}, async ({ control, output, texts, host }) => {
    const url = inspectorUrl(await control.place())
    output.result({ url }, url)
    if (!(await openInBrowser(url, host.env))) output.note(texts('notOpened'))
  }),
}

/** A browser that was not open before runs on; one that could not be started has ended by then. */
const PATIENCE_MS = 2000

async function openInBrowser(url: string, env: Host['env']): Promise<boolean> {
  const [program = '', ...args] = openerOf(env)
  const child = spawn(program, [...args, url], { stdio: 'ignore', detached: true })
  child.unref()
  const signal = AbortSignal.timeout(PATIENCE_MS)
  return once(child, 'exit', { signal }).then(
    ([status]) => status === 0,
    () => signal.aborted,
  )
}

/** The command that opens a URL, by platform; `BROWSER` wins, as in other tools. */
function openerOf({ BROWSER: browser = '' }: Host['env']): readonly string[] {
  if (browser !== '') return [browser]
  if (process.platform === 'darwin') return ['open']
  return process.platform === 'win32' ? ['cmd', '/c', 'start', '""'] : ['xdg-open']
}
