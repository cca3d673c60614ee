import type { SignedDelivery } from '@hongbao/core/testing'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { HerdReport, HerdTask } from './herd-app.ts'

/** How many connections a herd uses, each kept alive for one delivery after another. */
export const CONNECTIONS = 500

/** The answers to a herd. */
export interface Answers {
  readonly statuses: ReadonlySet<number>
  /** How many got no answer, because the app closed their connection. */
  readonly dropped: number
  /** What Ping++ would send again. */
  readonly failed: readonly SignedDelivery[]
}

/** Sends all of them, as many at once as there are connections. A delivery without an answer has failed. */
export async function sendHerd(
  port: number,
  deliveries: readonly SignedDelivery[],
  connections: number = CONNECTIONS,
): Promise<Answers> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const statuses = new Set<number>()
  const failed: SignedDelivery[] = []
  let dropped = 0
  const left = deliveries.values()

  async function sendOneByOne(): Promise<void> {
    // All of them take from the same iterator.
    for (const delivery of left) {
      const status = await post(agent, port, delivery)
      if (status === undefined) dropped += 1
      else statuses.add(status)
      if (status === undefined || status === 500) failed.push(delivery)
    }
  }

  await Promise.all(Array.from({ length: connections }, sendOneByOne))
  agent.destroy()
  return { statuses, dropped, failed }
}

/** The status, or undefined if the app closed the connection. */
function post(
  agent: Agent,
  port: number,
  { headers, bytes }: SignedDelivery,
): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const options = { agent, host: '127.0.0.1', port, path: '/webhooks', method: 'POST' }
    const length = { 'content-length': bytes.byteLength }
    const sending = request({ ...options, headers: { ...headers, ...length } }, (response) => {
      response.resume()
      response.once('end', () => resolve(response.statusCode ?? 0))
    })
    sending.once('error', (error: NodeJS.ErrnoException) => {
      // The app ends a connection that is idle or slow for some seconds, as it may be on a busy machine.
      if (error.code === 'ECONNRESET') resolve(undefined)
      else reject(error)
    })
    sending.end(bytes)
  })
}

/** The app, in a process of its own. */
export interface HerdApp {
  readonly port: number
  report(): Promise<HerdReport>
  close(): Promise<void>
}

export async function startHerdApp(task: HerdTask): Promise<HerdApp> {
  const program = join(import.meta.dirname, 'herd-app.ts')
  const child = spawn(process.execPath, ['--expose-gc', program, JSON.stringify(task)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  const said = once(createInterface({ input: child.stdout }), 'line')
  const port = Number(await Promise.race([said, exited.then(() => Number.NaN)]))
  if (Number.isNaN(port)) throw new Error('The app has not started.')
  return {
    port,
    async report() {
      const response = await fetch(`http://127.0.0.1:${port}/report`)
      return (await response.json()) as HerdReport
    },
    async close() {
      child.stdin.end()
      await exited
    },
  }
}
