import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { bodyReaders } from './hosts.ts'
import type { Memory, MemoryTask, Started } from './memory-process.ts'
import { chunk, head, LAST_CHUNK, openConnection, send } from './raw-http.ts'
import { expectAnswer, keys, notification } from './reception.ts'

const CONNECTIONS = 20
// Kept as objects, so many chunks take 315 MB. Sixteen times as many, of bodies as large as they may be, take
// a minute of CPU time in every host, and not more memory: 20 to 42 MB, as measured by hand.
const BODY_BYTES = 32 * 1024
const MEGABYTE = 1_000_000

describe.each(bodyReaders)('memory in $name', ({ name }) => {
  it('grows by less than 75 MB while 20 bodies of 32 KiB come in chunks of one byte [A15, A44]', async () => {
    const { port, memory } = await startHost(name)
    const { headers, bytes } = notification()
    expectAnswer(await send(port, { headers, body: bytes }), 200, 'handled')
    const idle = await memory()

    const body = Buffer.alloc(BODY_BYTES * chunk('7').byteLength, chunk('7'))
    const connections = await Promise.all(
      Array.from({ length: CONNECTIONS }, () => openConnection(port)),
    )
    const start = head({ headers }, { 'Transfer-Encoding': 'chunked' })
    await Promise.all(connections.map((connection) => connection.write(start, body)))
    await Promise.all(connections.map((connection) => connection.write(LAST_CHUNK)))
    for (const connection of connections) {
      expectAnswer(await connection.answer(), 401, 'signature-mismatch')
      connection.reset()
    }

    const { peakBytes } = await memory()
    expect(peakBytes - idle.residentBytes).toBeLessThan(75 * MEGABYTE)
  })
})

/** Starts a host in a process of its own, with little room for objects. */
async function startHost(host: string) {
  const task: MemoryTask = { host, publicKey: keys.publicKey }
  const program = join(import.meta.dirname, 'memory-process.ts')
  const child = fork(program, [JSON.stringify(task)], { execArgv: ['--max-old-space-size=256'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const [started] = (await once(child, 'message')) as [Started]

  async function memory(): Promise<Memory> {
    const told = once(child, 'message')
    child.send('memory')
    const [measured] = (await told) as [Memory]
    return measured
  }

  return { port: started.port, memory }
}
