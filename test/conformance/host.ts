import type { Receiver } from '@hongbao/core'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A framework with its adapter: what every conformance test runs against. */
export interface Host {
  readonly name: string
  /**
   * Starts an app as its guide mounts hongbao: the receiver at `/webhooks` for every method, and
   * after it `POST /orders`, which answers with what the framework's own parser makes of the JSON.
   */
  start(webhooks: Receiver): Promise<RunningHost>
  /**
   * What HTTP/1.0 without a Host header gets. 400 is the host's own word: a `Request` has an
   * absolute URL, and @hono/node-server refuses to make one up.
   */
  readonly withoutHost: 200 | 400
  /** What the hint of `body-consumed` advises to move in this framework. */
  readonly hint: RegExp
  /** Other ways to mount the receiver at `/webhooks`, and the result of a verified delivery there. */
  readonly mounts: readonly Mount[]
}

/** One way to mount the receiver among what else an app does with requests. */
export interface Mount {
  /** Read after "when it is mounted", with the cases of the fault catalogue. */
  readonly name: string
  readonly outcome: 'handled' | 'body-consumed'
  start(webhooks: Receiver): Promise<RunningHost>
}

/** An app that listens on 127.0.0.1. */
export interface RunningHost {
  readonly port: number
  close(): Promise<void>
}

/** A listener for requests of `node:http`; its return value is ignored. */
export type Listener = (request: IncomingMessage, response: ServerResponse) => unknown

/** Serves on a free port. */
export function serve(listener: Listener): Promise<RunningHost> {
  return listen(createServer((request, response) => void listener(request, response)))
}

/** Lets a server listen on a free port; closing it ends the connections that clients keep alive. */
export async function listen(server: Server): Promise<RunningHost> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { port, close: () => close(server) }
}

async function close(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeAllConnections()
  await closed
}
