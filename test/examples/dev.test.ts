import {
  execFile,
  spawn,
  spawnSync,
  type ChildProcess,
  type ExecFileException,
} from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, expect, it, onTestFinished } from 'vitest'

const DEV = fileURLToPath(new URL('../../examples/tour/dev.ts', import.meta.url))
const CLI = fileURLToPath(new URL('../../packages/sandbox/src/cli.ts', import.meta.url))
const hasCurl = spawnSync('curl', ['--version']).status === 0

let dev: ChildProcess | undefined
afterEach(() => dev?.kill('SIGKILL'))

it.skipIf(!hasCurl)(
  'npm run dev keeps running, and every command that it prints works',
  async () => {
    const { output, commands } = await startDev()
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
      await sh(command.replace('npm run sandbox --', `'${process.execPath}' '${CLI}'`))
    }
    await output.untilSeen(/^app +200 duplicate +red_envelope\.sent evt_/m)

    dev?.kill('SIGTERM')
    expect(await once(dev as ChildProcess, 'exit')).toEqual([0, null])
  },
)

it.each(['SANDBOX_PORT', 'PORT'])('npm run dev names %s if it is invalid', async (variable) => {
  const texts = ['x', '70000', '']
  const endings = await Promise.all(texts.map((text) => endWith({ [variable]: text })))
  const stderr = `${variable} must be a port, from 0 to 65535; 0 takes a free one.\n`
  expect(endings).toEqual(texts.map(() => ({ code: 1, stderr })))
})

it.each(['SANDBOX_PORT', 'PORT'])('npm run dev names %s if it is in use', async (variable) => {
  const server = createServer().listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  expect(await endWith({ [variable]: String(port) })).toEqual({
    code: 1,
    stderr: `Port ${port} is taken. To use another one, or with 0 any: ${variable}=0 npm run dev\n`,
  })
})

/** How it ends if it cannot start. */
async function endWith(variables: Readonly<Record<string, string>>) {
  const env = { ...process.env, PORT: '0', SANDBOX_PORT: '0', ...variables }
  const run = promisify(execFile)(process.execPath, [DEV], { env })
  const { code, stderr } = (await run.catch((error: unknown) => error)) as ExecFileException
  return { code, stderr }
}

/** Starts it on free ports, and reads the commands that it prints. */
async function startDev() {
  const env = { ...process.env, PORT: '0', SANDBOX_PORT: '0' }
  const child = spawn(process.execPath, [DEV], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  dev = child
  const output = watch(child)
  await output.untilSeen(/clock next --url \S+$/m)
  const commands = output.text().match(/^(?:curl|npm run sandbox) .+$/gm) ?? []
  return { output, commands }
}

/** Collects the output of a process, and resolves when it contains something. */
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
