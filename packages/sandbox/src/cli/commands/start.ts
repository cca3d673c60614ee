import type { JournalRecord } from '../../events/journal.ts'
import type { SandboxOptions } from '../../options.ts'
import type { Sandbox } from '../../sandbox.ts'
import { codeOf } from '../../error-code.ts'
import { isLoopback } from '../../loopback.ts'
import { isAlive } from '../../process-id.ts'
import { writeBanner } from '../banner.ts'
import { choice, command, flag, initially, valued, text, whole } from '../command.ts'
import type { Commands, Session } from '../command.ts'
import { EXIT } from '../exit.ts'
import { openFolder, target, tokenIn } from '../inputs.ts'
import { readPlaces, removePlace, writePlace } from '../place.ts'
import { writeRecord } from '../record-lines.ts'
import { keepHeapSmall } from '../small-heap.ts'

const clock = valued<NonNullable<SandboxOptions['clock']>>('<clock>', 'expected.clock', (given) => {
  if (given === 'real' || given === 'virtual') return given
  const [, speed] = /^[x×]?(\d+(?:\.\d+)?)[x×]?$/.exec(given) ?? []
  return Number(speed) > 0 ? Number(speed) : undefined
})

const START = {
  target,
  port: initially(whole('<port>'), 4141),
  strictPort: flag,
  host: initially(text('<address>'), '127.0.0.1'),
  clock: initially(clock, 'real'),
  sendWebhooks: initially(choice('<when>', ['on-retrieve', 'on-create', 'by-hand']), 'on-retrieve'),
  merchantPublicKey: text('<path>'),
  requestSignatures: choice('<mode>', ['strict', 'lenient', 'off']),
  responseTimeoutMs: initially(whole('<ms>'), 10_000),
  seed: initially(whole('<number>'), 1),
  publicUrl: text('<url>'),
  maxEvents: initially(whole('<count>'), 1000),
  persist: flag,
  allowRemote: flag,
} as const

export const commands: Commands = {
  start: command([], START, async (session, options) => {
    const { output, texts, directory, host } = session
    const { strictPort = false, persist, merchantPublicKey, requestSignatures, ...rest } = options
    const keys = await openFolder(session)
    const isOff = (requestSignatures ?? 'off') === 'off'
    const path = merchantPublicKey ?? (isOff ? undefined : keys.merchant.publicPath)
    const settings: SandboxOptions = {
      ...rest,
      requestSignatures,
      controlToken: tokenIn(host.env),
      merchantPublicKey: path && { path },
      persist: persist && directory,
      privateKey: { path: keys.webhook.privatePath },
    }
    const sandbox = await startOnFreePort(settings, strictPort)
    const ended = waitForEnd(session)
    const { port } = options
    if (port !== 0 && !sandbox.url.endsWith(`:${port}`)) output.warn(texts('portTaken', { port }))
    if (!isLoopback(options.host)) output.warn(texts('openToNetwork', { host: options.host }))
    const boot = await announce(session, sandbox)
    writeBanner(output, texts, sandbox, keys, path !== undefined && requestSignatures !== 'off')
    show(session, sandbox)
    const ending = await ended
    await removePlace(directory, boot)
    await sandbox.close()
    return EXIT[ending]
  }),
}

/** Writes `sandbox.json`, by which the other commands find this sandbox. */
async function announce({ output, texts, directory }: Session, sandbox: Sandbox): Promise<string> {
  const before = readPlaces(directory).filter(({ pid }) => isAlive(pid))
  const [other] = before
  if (other !== undefined) output.warn(texts('otherRunning', { url: other.url }))
  const { url, keyFingerprint, controlToken } = sandbox
  const [{ boot } = { boot: '' }] = sandbox.journal()
  const { pid } = process
  await writePlace(directory, { url, pid, keyFingerprint, boot, controlToken, before })
  return boot
}

const PORT_TRIES = 20

async function startOnFreePort(options: SandboxOptions, isStrict: boolean): Promise<Sandbox> {
  keepHeapSmall()
  // Imported here: the help of this command needs no server.
  const { startSandbox } = await import('../../start.ts')
  const { port: first = 0 } = options
  const last = isStrict || first === 0 ? first : Math.min(first + PORT_TRIES, 65_535)
  for (let port = first; ; port += 1) {
    try {
      // oxlint-disable-next-line no-await-in-loop -- one port after another
      return await startSandbox({ ...options, port })
    } catch (error) {
      if (port >= last || codeOf(error) !== 'port-taken') throw error
    }
  }
}

function show({ output, texts }: Session, sandbox: Sandbox): void {
  const options = { tint: output.tint, withDay: sandbox.clock.speed !== 1, texts }
  function showRecord(record: JournalRecord): void {
    if (output.isJson) return output.result(record, '')
    const line = writeRecord(record, options)
    if (line !== undefined) output.note(line)
  }
  sandbox.listen(showRecord)
  sandbox.journal().forEach(showRecord)
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** Resolves when the sandbox is to end; a second signal ends the process at once. */
function waitForEnd({ host }: Session): Promise<(typeof SIGNALS)[number] | 'ok'> {
  return new Promise((resolve) => {
    for (const signal of SIGNALS) process.once(signal, () => resolve(signal))
    // The reader of the records has left.
    host.stdout.once('error', () => resolve('ok'))
  })
}
