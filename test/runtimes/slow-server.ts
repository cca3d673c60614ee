import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A server that answers on the test's command: what a slow handler waits for. */
export interface SlowServer {
  url(name: string): string
  /** Resolves when the URL of this name was requested. */
  asked(name: string): Promise<void>
  /** Answers it, now or when it is requested. */
  answer(name: string): void
  close(): Promise<void>
}

export async function startSlowServer(): Promise<SlowServer> {
  const gates = new Map<string, Gate>()
  const gateOf = (name: string): Gate => {
    const gate = gates.get(name) ?? createGate()
    gates.set(name, gate)
    return gate
  }
  const server = createServer((request, response) => {
    const name = new URL(request.url ?? '/', 'http://localhost').searchParams.get('name') ?? ''
    gateOf(name).asked.resolve()
    void gateOf(name).answered.promise.then(() => end(response))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: (name) => `http://127.0.0.1:${port}/?${new URLSearchParams({ name })}`,
    asked: (name) => gateOf(name).asked.promise,
    answer: (name) => gateOf(name).answered.resolve(),
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

interface Gate {
  readonly asked: PromiseWithResolvers<void>
  readonly answered: PromiseWithResolvers<void>
}

function createGate(): Gate {
  return { asked: Promise.withResolvers(), answered: Promise.withResolvers() }
}

function end(response: ServerResponse): void {
  if (!response.destroyed) response.end('done')
}
