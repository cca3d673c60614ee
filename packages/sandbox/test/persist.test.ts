import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  existsSync,
  writeFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { SandboxOptions } from '../src/options.ts'
import type { Sandbox } from '../src/sandbox.ts'
import { startSandbox } from '../src/start.ts'
import { functionApp } from './open-engine.ts'

const START_MS = Date.UTC(2026, 0, 1)
let folder: string
let file: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hongbao-persist-'))
  file = join(folder, 'events.ndjson')
})

afterEach(() => rmSync(folder, { recursive: true }))

describe('a sandbox with `persist`', () => {
  it('has after a restart the events, attempts, envelopes and faults of before', async () => {
    const before = await start({ target: functionApp(500).target })
    before.faults.add('tampered-body', { attempt: 1 })
    before.faults.add('delay', { times: Infinity, match: { type: 'charge.failed' } })
    const { id, envelope = '', orderNo } = before.trigger('red_envelope.sent')
    await before.clock.settled()
    const [event, object] = [before.event(id), before.envelope(envelope)]
    const faults = before.faults.list()
    await before.close()

    await using after = await start({ target: functionApp().target })
    expect(after.event(id)).toEqual(event)
    expect(after.envelope(orderNo ?? '')).toEqual(object)
    expect(after.faults.list()).toEqual(faults)
    expect(after.faults.add('timeout').id).toBe('fault_3')
  })

  it('goes on with the planned retries, signed by the key of the first attempt, and with the refund of an envelope', async () => {
    const before = await start({ target: functionApp(500).target })
    const { id, envelope = '' } = before.trigger('red_envelope.sent')
    await before.clock.settled()
    await before.close()

    const app = functionApp()
    await using after = await start({ target: app.target })
    await after.clock.next()
    expect(after.clock.now()).toBe(START_MS + 5000)
    expect(after.event(id)).toMatchObject({ status: 'delivered', attempts: [{ n: 1 }, { n: 2 }] })
    await after.clock.advance('25h')
    expect(after.envelope(envelope)).toMatchObject({ status: 'refund' })
  })

  it('keeps one attempt waiting for its gap at most, if the clock was ahead', async () => {
    const before = await start({ target: functionApp(500).target })
    await before.clock.advance('240h')
    const { id } = before.trigger('red_envelope.sent')
    await before.clock.settled()
    await before.close()
    await using after = await start({ target: functionApp().target })
    expect(after.event(id)?.nextAttemptMs).toBe(START_MS + 5000)
  })

  it('forgets after a reset, and what was removed as the oldest', async () => {
    const before = await start({ maxEvents: 2 })
    const ids = [1, 2, 3].map(() => before.trigger('charge.succeeded').id)
    await before.close()
    const again = await start({})
    expect(again.events().map(({ id }) => id)).toEqual(ids.slice(1))
    await again.reset()
    await again.close()
    await using after = await start({})
    expect(after.events()).toEqual([])
  })

  it('loses only the last line if that was cut, and reads it no second time', async () => {
    const before = await start({})
    const { id } = before.trigger('charge.succeeded')
    await before.close()
    appendFileSync(file, '{"event":{"id":"evt_cut","ty')
    const again = await start({})
    const later = again.trigger('charge.failed').id
    await again.close()
    await using after = await start({})
    expect(after.events().map((event) => event.id)).toEqual([id, later])
  })

  it.each([
    'null',
    '"x"',
    '42',
    '[]',
    '{}',
    '{"delivery":{}}',
    '{"delivery":null}',
    '{"delivery":{"n":0,"notification":{"id":"evt_1"},"event":{"id":"evt_1"}}}',
    '{"envelope":{}}',
    '{"envelope":{"envelope":{"id":"red_1"}}}',
    '{"evicted":3}',
    '{"faults":3}',
    '{"faults":[null]}',
    '{"faults":[{"id":"fault_1","kind":"timeout","fired":0,"attempt":null}]}',
    'no JSON',
  ])('leaves out a line of another form, and warns once with their number: %s', async (line) => {
    const before = await start({})
    const { id } = before.trigger('charge.succeeded')
    await before.close()
    appendFileSync(file, `${line}\n${line}\n`)
    await using after = await start({})
    expect(after.events().map((event) => event.id)).toEqual([id])
    expect(after.journal().filter(({ type }) => type === 'error')).toMatchObject([
      { message: expect.stringContaining(`2 of the lines of ${file}`) as string },
    ])
  })

  it('leaves out a line that was edited or is of another version, even in one character', async () => {
    const before = await start({})
    const [kept, edited] = [before.trigger('charge.succeeded'), before.trigger('charge.failed')]
    await before.close()
    const [first = '', ...others] = readFileSync(file, 'utf8').split('\n')
    const lines = others.map((line) =>
      line.includes(edited.id) ? line.replace('"undelivered"', '"delivered"') : line,
    )
    writeFileSync(file, [first, ...lines].join('\n'))
    await using after = await start({})
    expect(after.events().map(({ id }) => id)).toEqual([kept.id])
    expect(after.journal().filter(({ type }) => type === 'error')).toHaveLength(1)
  })

  it('has after a restart the same metadata, also with names that the file itself uses', async () => {
    const metadata = {
      '$hongbao:bytes': 'aGk=',
      map: { '$hongbao:map': [['a', 1]] },
      other: [{ '$hongbao:infinity': true }, { '$hongbao:object': [['b', { '$hongbao:x': 2 }]] }],
    }
    const before = await start({})
    const { orderNo = '' } = before.trigger('red_envelope.sent', { object: { metadata } })
    expect(before.envelope(orderNo)?.metadata).toEqual(metadata)
    await before.close()
    await using after = await start({})
    expect(after.envelope(orderNo)?.metadata).toEqual(metadata)
  })

  it('reads a file that is longer than any string', async () => {
    const before = await start({})
    const { id } = before.trigger('charge.succeeded')
    await before.close()
    const saved = readFileSync(file)
    const again = await start({})
    const later = again.trigger('charge.failed').id
    await again.close()
    const added = readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line.includes(later))
    writeFileSync(file, saved)
    // Of zeros, which take no room on the disk.
    truncateSync(file, 600 * 1024 * 1024)
    appendFileSync(file, '\n')
    appendFileSync(file, `${added.join('\n')}\n`)
    await using after = await start({})
    expect(after.events().map((event) => event.id)).toEqual([id, later])
    expect(after.journal().filter(({ type }) => type === 'error')).toMatchObject([
      { message: expect.stringContaining('1 of the lines') as string },
    ])
  })

  it('has a file for its user only, which ignores itself in git, with no key in it', async () => {
    await using sandbox = await start({ apiKey: 'sk_test_ibbTe5jLGCi5rzfH4OqPW9KC' })
    sandbox.trigger('red_envelope.sent')
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(readFileSync(join(folder, '.gitignore'), 'utf8')).toBe('*\n')
    expect(readFileSync(file, 'utf8')).not.toMatch(/PRIVATE|sk_test/)
  })

  it('writes the file anew at the start, so that it holds each event once', async () => {
    const before = await start({ target: functionApp(500).target })
    before.trigger('charge.succeeded')
    await before.clock.drain()
    await before.close()
    const grown = readFileSync(file, 'utf8').split('\n').length
    await using after = await start({})
    expect(after.events()).toHaveLength(1)
    expect(grown).toBeGreaterThan(20)
    expect(readFileSync(file, 'utf8').trim().split('\n')).toHaveLength(2)
  })

  it('refuses a folder that another sandbox uses, a link, and a path that is not a folder', async () => {
    await using sandbox = await start({})
    await expect(start({})).rejects.toMatchObject({
      code: 'option-invalid',
      message: expect.stringContaining(String(process.pid)),
    })
    await sandbox.close()
    rmSync(file)
    symlinkSync('/etc/passwd', file)
    await expect(start({})).rejects.toThrow('symbolic link')
    await expect(startSandbox({ persist: '' })).rejects.toThrow('persist')
  })

  it('writes and reads nothing through symbolic links that are in its folder', async () => {
    const foreign = join(folder, 'foreign')
    symlinkSync(foreign, join(folder, '.gitignore'))
    await (await start({})).close()
    expect(existsSync(foreign)).toBe(false)
    symlinkSync(foreign, `${file}.lock`)
    await expect(start({})).rejects.toThrow(`${file}.lock is a symbolic link`)
    expect(existsSync(foreign)).toBe(false)
  })

  it('gives the folder back if it cannot start', async () => {
    await using other = await startSandbox()
    const port = Number(new URL(other.url).port)
    await expect(start({ port })).rejects.toMatchObject({ code: 'port-taken' })
    await using sandbox = await start({})
    expect(sandbox.events()).toEqual([])
  })
})

describe('a sandbox with `persist` that cannot start', () => {
  it('takes no port if its file cannot be read', async () => {
    mkdirSync(file)
    const port = await freePort()
    await expect(start({ port })).rejects.toThrow('EISDIR')
    rmSync(file, { recursive: true })
    await using sandbox = await start({ port })
    expect(sandbox.url).toContain(`:${port}`)
  })

  it('closes its server and its folder if the file cannot be written', async () => {
    const before = await start({})
    const { id } = before.trigger('charge.succeeded')
    await before.close()
    // In the way of the file that is to take the place of the old one.
    mkdirSync(`${file}.tmp`)
    const port = await freePort()
    await expect(start({ port })).rejects.toThrow('EISDIR')
    rmSync(`${file}.tmp`, { recursive: true })
    await using sandbox = await start({ port })
    expect(sandbox.events().map((event) => event.id)).toEqual([id])
  })
})

describe('the lock of a folder', () => {
  const lock = (): string => `${file}.lock`

  it.each(['', '0', '-1', '1.5', 'x', 'OWN', 'OWN 1'])(
    'is taken over from a process that no longer runs, also one with the id of this one: "%s"',
    async (owner) => {
      writeFileSync(lock(), owner.replace('OWN', String(process.pid)))
      await using sandbox = await start({})
      expect(sandbox.events()).toEqual([])
      expect(readFileSync(lock(), 'utf8')).toMatch(new RegExp(`^${process.pid}\\b`))
    },
  )

  it('is left to another process that runs', async () => {
    writeFileSync(lock(), String(process.ppid))
    await expect(start({})).rejects.toThrow(`Process ${process.ppid} keeps`)
  })

  it.runIf(process.platform === 'linux')(
    'is taken over from a process with a reused id, and from one that ended and was not waited for',
    async () => {
      writeFileSync(lock(), `${process.ppid} 1`)
      await (await start({})).close()

      const parent = spawn('bash', ['-c', 'sleep 1 & echo $!; exec sleep 60'])
      const [output] = await once(parent.stdout, 'data')
      const zombie = Number(String(output))
      try {
        await expect.poll(() => readFileSync(`/proc/${zombie}/stat`, 'utf8')).toContain(') Z ')
        writeFileSync(lock(), String(zombie))
        await (await start({})).close()
      } finally {
        parent.kill()
      }
      expect(existsSync(lock())).toBe(false)
    },
  )
})

// A limit of a process is the one full disk that a test can make. Windows has none.
describe.skipIf(process.platform === 'win32')('a sandbox with `persist` and no room', () => {
  it('does not start, and leaves the file as it was', async () => {
    const before = await start({})
    for (let n = 0; n < 5; n += 1) before.trigger('charge.succeeded')
    await before.close()
    const bytes = readFileSync(file)
    expect(bytes.length).toBeGreaterThan(4096)
    expect(await runWithin(4, '')).toContain('cannot be written anew')
    expect(readFileSync(file)).toEqual(bytes)
    expect(readdirSync(folder).toSorted()).toEqual(['.gitignore', 'events.ndjson'])
    await using after = await start({})
    expect(after.events()).toHaveLength(5)
  })

  it('says that no more is kept, and gives the next start no event of before a reset', async () => {
    const output = await runWithin(
      4,
      `
      const persists = async () => (await (await fetch(sandbox.url + '/_sandbox/state')).json()).persist
      const said = [await persists()]
      for (let n = 0; n < 9; n += 1) sandbox.trigger('charge.succeeded')
      said.push(await persists(), sandbox.journal().filter(({ type }) => type === 'error').length)
      await sandbox.reset()
      sandbox.trigger('charge.failed')
      said.push(await persists())
      console.log(JSON.stringify(said))
      `,
    )
    expect(JSON.parse(output)).toEqual([true, false, 1, true])
    await using after = await start({})
    expect(after.events().map(({ type }) => type)).toEqual(['charge.failed'])
  })

  it('removes the file at a reset for which there is no room', async () => {
    const before = await start({})
    before.trigger('charge.succeeded')
    mkdirSync(`${file}.tmp`)
    await before.reset()
    before.trigger('charge.failed')
    await before.close()
    rmSync(`${file}.tmp`, { recursive: true })
    await using after = await start({})
    expect(after.events()).toEqual([])
  })
})

describe('a process that is killed', () => {
  it('in the middle of an attempt: the next makes it again, with the same bytes', async () => {
    const script = `
      import { startSandbox } from ${JSON.stringify(join(import.meta.dirname, '../src/start.ts'))}
      const target = () => { console.log(sandbox.events()[0].id); return new Promise(() => {}) }
      const sandbox = await startSandbox({ persist: ${JSON.stringify(folder)}, target, clock: 'virtual' })
      sandbox.trigger('red_envelope.sent')
    `
    const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [output] = await once(child.stdout, 'data')
    child.kill('SIGKILL')
    await once(child, 'exit')

    const app = functionApp()
    await using after = await startSandbox({
      persist: folder,
      target: app.target,
      clock: 'virtual',
    })
    await after.clock.settled()
    const id = String(output).trim()
    expect(after.event(id)).toMatchObject({ status: 'delivered', attempts: [{ n: 1, ok: true }] })
    expect(app.seen.map(({ body }) => body)).toEqual([after.event(id)?.bytes])
  })
})

function start(options: SandboxOptions): Promise<Sandbox> {
  return startSandbox({ persist: folder, clock: 'virtual', startMs: START_MS, ...options })
}

/** Runs a script with `sandbox` in a process whose files have so many KiB at most. Returns what it prints, or its error. */
async function runWithin(limitKiB: number, script: string): Promise<string> {
  const whole = `
    import { startSandbox } from ${JSON.stringify(join(import.meta.dirname, '../src/start.ts'))}
    const options = { persist: ${JSON.stringify(folder)}, clock: 'virtual', startMs: ${START_MS} }
    try {
      const sandbox = await startSandbox(options)
      ${script}
      await sandbox.close()
    } catch (error) {
      console.log(error.message)
    }
  `
  const limited = `ulimit -f ${limitKiB} && exec "$0" --input-type=module --eval "$1"`
  const { stdout } = await promisify(execFile)('bash', ['-c', limited, process.execPath, whole])
  return stdout
}

async function freePort(): Promise<number> {
  await using sandbox = await startSandbox()
  return Number(new URL(sandbox.url).port)
}
