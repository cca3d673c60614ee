import { execFile, spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, expect, it } from 'vitest'

const DEV = fileURLToPath(new URL('../../examples/tour/dev.ts', import.meta.url))
const CLI = fileURLToPath(new URL('../../packages/sandbox/src/cli.ts', import.meta.url))
const hasCurl = spawnSync('curl', ['--version']).status === 0

let dev: ChildProcess | undefined
afterEach(() => dev?.kill('SIGKILL'))

it.skipIf(!hasCurl)(
  'npm run dev stays up, and every command that it prints does what it says',
  async () => {
    const { output, url, commands } = await startDev()
    const [order = '', create = '', ask = '', look = '', order2 = '', ...control] = commands
    expect(control).toHaveLength(3)

    await sh(order)
    const { id, status } = JSON.parse(await sh(create)) as { id: string; status: string }
    expect(status).toBe('sending')
    expect(JSON.parse(await sh(ask.replace('red_…', id)))).toMatchObject({ status: 'sent' })
    await output.untilSeen(/^app +200 handled +red_envelope\.sent evt_/m)
    expect(JSON.parse(await sh(ask.replace('red_…', id)))).toMatchObject({ status: 'received' })
    await output.untilSeen(/^app +200 handled +red_envelope\.received evt_/m)
    expect(JSON.parse(await sh(look))).toMatchObject({ status: 'received' })

    await sh(order2)
    for (const command of control) {
      await sh(command.replace('npm run sandbox --', `'${process.execPath}' '${CLI}' --url ${url}`))
    }
    await output.untilSeen(/^app +200 duplicate +red_envelope\.sent evt_/m)

    dev?.kill('SIGTERM')
    expect(await once(dev as ChildProcess, 'exit')).toEqual([0, null])
  },
  30_000,
)

/** Starts it on free ports, and reads what it tells people to type. */
async function startDev() {
  const env = { ...process.env, PORT: '0', SANDBOX_PORT: '0' }
  const child = spawn(process.execPath, [DEV], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  dev = child
  const output = watch(child)
  await output.untilSeen(/clock next$/m)
  const [, url = ''] = /^Sandbox (\S+)\/v1/m.exec(output.text()) ?? []
  const commands = output.text().match(/^(?:curl|npm run sandbox) .+$/gm) ?? []
  return { output, url, commands }
}

/** Collects the output of a process, and tells when something is in it. */
function watch(child: ChildProcess) {
  let text = ''
  let look = (): void => {}
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
    look()
  })
  return {
    text: () => text,
    untilSeen: (pattern: RegExp) =>
      new Promise<void>((resolve) => {
        look = () => {
          if (pattern.test(text)) resolve()
        }
        look()
      }),
  }
}

async function sh(command: string): Promise<string> {
  return (await promisify(execFile)('sh', ['-e', '-c', command])).stdout
}
