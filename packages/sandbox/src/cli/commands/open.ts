import { spawn } from 'node:child_process'
import { command, type Command } from '../command.ts'

export const open: Command = command({
  async run({ control, output, texts, host }) {
    const url = await control.inspectorUrl()
    output.result({ url }, url)
    if (!(await openInBrowser(url, host.env))) output.note(texts('notOpened'))
  },
})

/** The command that opens a URL, by platform; `BROWSER` wins, as in other tools. */
function opener(env: Readonly<Record<string, string | undefined>>): readonly string[] {
  const { BROWSER: browser } = env
  if (browser !== undefined && browser !== '') return [browser]
  if (process.platform === 'darwin') return ['open']
  return process.platform === 'win32' ? ['cmd', '/c', 'start', '""'] : ['xdg-open']
}

/** A browser that was not open before runs on; one that could not be started has ended by then. */
const PATIENCE_MS = 2000

function openInBrowser(
  url: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<boolean> {
  const [program = '', ...args] = opener(env)
  return new Promise((resolve) => {
    const child = spawn(program, [...args, url], { stdio: 'ignore', detached: true })
    const patience = setTimeout(resolve, PATIENCE_MS, true)
    function end(isOpen: boolean): void {
      clearTimeout(patience)
      resolve(isOpen)
    }
    child.once('error', () => end(false))
    child.once('exit', (status) => end(status === 0))
    child.unref()
  })
}
