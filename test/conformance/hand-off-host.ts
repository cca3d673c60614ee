import type { PublicKeyInput, Webhooks } from '@hongbao/core'
import type { DeadLetter, QueueReceiver } from '@hongbao/hand-off'
import type { TestServer } from '../servers/server.ts'

/** A kind of queue with its real broker: what the conformance suite of hand-offs runs against. */
export interface HandOffHost {
  readonly name: string
  /** Whether the broker can be started here. */
  readonly isHere: boolean
  start(): Promise<Broker>
}

/** A broker that the tests started, and how a process of its own reaches it. */
export interface Broker {
  readonly server: TestServer
  readonly kind: BrokerKind
  readonly url: string
  close(): Promise<void>
}

export type BrokerKind = 'bullmq' | 'pg-boss'

/** How often and how soon the jobs of a test are tried. */
export interface Tries {
  readonly attempts?: number
  readonly confirmTimeoutMs?: number
}

/** How a worker of a test works. */
export interface Work {
  readonly onDeadLetter?: (letter: DeadLetter) => void
  /** How many crashes of its workers a job survives, where crashes are counted apart from tries. */
  readonly crashes?: number
}

/** A process that has connected itself to a queue. */
export interface QueueClient {
  /** The receiver of the queue. */
  receiver(publicKey: PublicKeyInput, tries?: Tries): Promise<QueueReceiver>
  /** Starts a worker; the client closes it. */
  work(webhooks: Pick<Webhooks, 'dispatch'>, how?: Work): Promise<void>
  /** The jobs that the broker has, one for each of their lives. */
  jobs(): Promise<QueuedJob[]>
  /** The ids of the events that are dead letters. */
  failed(): Promise<string[]>
  /** Lets all dead letters be tried again. */
  redrive(): Promise<number>
  /** As if an hour had gone by: pauses are over, and a worker that is dead is known to be. */
  passTime(): Promise<void>
  /** Where no worker is alive: makes the queue learn that, and what they had is due at once. */
  noticeDeaths(): Promise<void>
  /** Ends the workers in an orderly way, and the connections. */
  close(): Promise<void>
}

/** A job as everybody sees it. */
export interface QueuedJob {
  readonly eventId: string
  readonly state: 'open' | 'done' | 'failed'
}
