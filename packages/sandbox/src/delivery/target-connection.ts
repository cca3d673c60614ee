import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { bareHost } from '../http/loopback.ts'
import { createLookup } from './target-address.ts'

/** Opens a connection to a target: the port of its URL, with TLS for `https:`. */
export function createConnect(url: URL, allowRemote: boolean): () => Socket {
  const host = bareHost(url.hostname)
  const lookup = createLookup(allowRemote)
  const isSecure = url.protocol === 'https:'
  // `autoSelectFamily` tries all addresses of a name, also where a process has switched that off.
  const address = { host, port: portOf(url), lookup, noDelay: true, autoSelectFamily: true }
  // A server name is a name, and never an address (RFC 6066, section 3).
  const servername = isIP(host) === 0 ? host : ''
  if (!isSecure) return () => connect(address)
  return () => connectTls({ ...address, servername, ALPNProtocols: ['http/1.1'] })
}

/** The port of a URL, also where it is the usual one and therefore not written. */
export function portOf({ port, protocol }: URL): number {
  if (port !== '') return Number(port)
  return protocol === 'https:' ? 443 : 80
}

/** Lets some in at a time; the others wait for their turn. */
export interface Turnstile {
  /** Calls `enter`, now or when somebody has left. */
  wait(enter: () => void): void
  leave(): void
}

export function createTurnstile(limit: number): Turnstile {
  const queue: (() => void)[] = []
  let inside = 0

  return {
    wait(enter) {
      if (inside >= limit) {
        queue.push(enter)
        return
      }
      inside += 1
      enter()
    },
    leave() {
      const next = queue.shift()
      if (next === undefined) inside -= 1
      else next()
    },
  }
}
