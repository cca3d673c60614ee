import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { Volley, VolleyResult } from './http-load.ts'

// The sender, in a process of its own: keep-alive connections, one request at a time on each.

const CONNECTIONS = 16

const connections = new Map<number, Connection[]>()
let requests: readonly Uint8Array[] = []

process.on('message', (message: readonly Uint8Array[] | Volley) => {
  if ('port' in message) void fire(message).then((result) => process.send?.(result))
  else requests = message
})

/** Sends some of the requests to a port and counts the answers by status. */
async function fire({ port, from, count }: Volley): Promise<VolleyResult> {
  const statuses: Record<string, number> = {}
  let sent = 0

  async function keepSending(connection: Connection): Promise<void> {
    while (sent < count) {
      const request = requests[(from + sent) % requests.length] ?? new Uint8Array()
      sent += 1
      const status = statusOf(await connection.send(request))
      statuses[status] = (statuses[status] ?? 0) + 1
    }
  }

  await Promise.all((await connectionsTo(port)).map(keepSending))
  return { statuses }
}

interface Connection {
  /** Sends a request and resolves with its answer. */
  send(request: Uint8Array): Promise<string>
}

async function connectionsTo(port: number): Promise<Connection[]> {
  const open =
    connections.get(port) ??
    (await Promise.all(Array.from({ length: CONNECTIONS }, () => openConnection(port))))
  connections.set(port, open)
  return open
}

async function openConnection(port: number): Promise<Connection> {
  const socket: Socket = connect({ port, host: '127.0.0.1', noDelay: true })
  await once(socket, 'connect')
  let received = ''
  let onAnswer = (_answer: string): void => {}
  socket.setEncoding('latin1')
  socket.on('data', (text: string) => {
    received += text
    if (isComplete(received)) onAnswer(received)
  })
  return {
    send(request) {
      received = ''
      socket.write(request)
      return new Promise((resolve) => {
        onAnswer = resolve
      })
    },
  }
}

function isComplete(answer: string): boolean {
  const headEnd = answer.indexOf('\r\n\r\n')
  if (headEnd === -1) return false
  const length = /\r\ncontent-length: (\d+)/i.exec(answer)?.[1]
  // Without a length, Node answers in chunks.
  if (length === undefined) return answer.endsWith('\r\n0\r\n\r\n')
  return answer.length >= headEnd + 4 + Number(length)
}

function statusOf(answer: string): string {
  return answer.slice('HTTP/1.1 '.length, 'HTTP/1.1 200'.length)
}
