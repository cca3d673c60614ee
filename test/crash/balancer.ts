import { eventKey } from '@hongbao/core'
import { parseEvent, WebhookError } from '@hongbao/core/internal'
import { Agent, createServer, request, type IncomingMessage, type ServerResponse } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { listen } from '../conformance/host.ts'

/** A proxy between the sender and the apps, and the only record of what was answered. */
export interface Balancer {
  readonly url: string
  readonly requests: number
  /** The inbox keys of the events for which a 2xx was passed on. */
  readonly answered: ReadonlySet<string>
  add(port: number): void
  remove(port: number): void
  close(): Promise<void>
}

interface Backend {
  readonly port: number
  readonly agent: Agent
  /** How many requests it has not answered. */
  busy: number
}

/**
 * Starts a balancer on a free port. A request goes to the least busy app, one after the other if
 * they are equal, so an app that halts gets a few and no more. Where no app answers it is 502.
 */
export async function startBalancer(): Promise<Balancer> {
  let backends: readonly Backend[] = []
  const answered = new Set<string>()
  let requests = 0
  const server = createServer((incoming, response) => void balance(incoming, response))
  server.keepAliveTimeout = 0
  const host = await listen(server)

  async function balance(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    requests += 1
    const body = await buffer(incoming).catch(() => undefined)
    if (body === undefined) return
    const answer = await ask(incoming, response, body)
    if (answer.status >= 200 && answer.status < 300) answered.add(keyOf(body))
    response.writeHead(answer.status).end(answer.body)
  }

  async function ask(
    incoming: IncomingMessage,
    response: ServerResponse,
    body: Buffer,
  ): Promise<Answer> {
    const backend = choose()
    if (backend === undefined) return BAD_GATEWAY
    backend.busy += 1
    try {
      return await forward(backend, incoming, body, response)
    } catch {
      return BAD_GATEWAY
    } finally {
      backend.busy -= 1
    }
  }

  function choose(): Backend | undefined {
    const least = Math.min(...backends.map(({ busy }) => busy))
    const chosen = backends.find(({ busy }) => busy === least)
    // To the end of the list, so that the others have their turn first.
    if (chosen !== undefined) backends = [...backends.filter((each) => each !== chosen), chosen]
    return chosen
  }

  return {
    url: `http://127.0.0.1:${host.port}/webhooks`,
    get requests() {
      return requests
    },
    answered,
    add(backendPort) {
      const agent = new Agent({ keepAlive: true })
      backends = [...backends, { port: backendPort, agent, busy: 0 }]
    },
    remove(backendPort) {
      for (const { port: gone, agent } of backends) if (gone === backendPort) agent.destroy()
      backends = backends.filter((each) => each.port !== backendPort)
    },
    close: () => host.close(),
  }
}

interface Answer {
  readonly status: number
  readonly body: Buffer
}

const BAD_GATEWAY: Answer = { status: 502, body: Buffer.from('bad gateway') }

/** Rejects if the app did not answer to the end. */
function forward(
  { port, agent }: Backend,
  { method, url, headers }: IncomingMessage,
  body: Buffer,
  response: ServerResponse,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, agent, method, path: url, headers }
    const outgoing = request(options, (answer) => {
      buffer(answer).then(
        (bytes) => resolve({ status: answer.statusCode ?? 502, body: bytes }),
        reject,
      )
    })
    outgoing.once('error', reject)
    // The sender has disconnected, so the balancer does not wait for the app either.
    response.once('close', () => {
      if (response.writableEnded) return
      outgoing.destroy()
      reject(new Error('The sender has gone.'))
    })
    outgoing.end(body)
  })
}

function keyOf(body: Buffer): string {
  const event = parseEvent(body)
  const key = event instanceof WebhookError ? undefined : eventKey(event)
  if (key === undefined) throw new Error('The sender has sent what is no event.')
  return key
}
