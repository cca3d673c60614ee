import type { PublicKeyInput, Webhooks } from '@hongbao/core'
import type {
  DeadLetter,
  DeadLettersOptions,
  EventJob,
  EventQueue,
  EventWorker,
  JobOptions,
  QueueReceiver,
  RedriveOptions,
  WorkOptions,
} from '@hongbao/hand-off'
import type { TestServer } from '../servers/server.ts'

/** A kind of queue with its real broker: what the conformance suite of hand-offs runs against. */
export interface HandOffHost {
  readonly name: string
  /** Whether the broker can be started here. */
  readonly isHere: boolean
  /** The warnings of a worker that takes a job which another one lost. */
  readonly codesOfLostJob: readonly string[]
  start(): Promise<Broker>
  /** Makes a queue with these options, which need not be right, and no broker. */
  make(options: object): EventQueue
}

/** A broker that the tests started, and how a process connects to it. */
export interface Broker {
  readonly server: TestServer
  readonly kind: BrokerKind
  readonly url: string
  close(): Promise<void>
}

export type BrokerKind = 'bullmq' | 'pg-boss'

/** How often, how soon and for how long the jobs of a test are tried. */
export type Tries = Pick<
  JobOptions,
  'attempts' | 'backoffSeconds' | 'confirmTimeoutMs' | 'jobTimeoutMs'
>

/** How a worker of a test works. */
export interface TestWorkOptions extends WorkOptions {
  /** How many crashes of its workers a job survives, if the broker counts crashes and tries apart. */
  readonly crashes?: number | undefined
  /** Whether the broker takes the worker for dead while it runs its job. */
  readonly losesJobs?: boolean | undefined
}

/** A process that is connected to a queue. */
export interface QueueClient {
  /** The receiver of the queue. */
  receiver(publicKey: PublicKeyInput): Promise<QueueReceiver>
  /** Starts a worker. `close` of the client closes it, too. */
  work(webhooks: Pick<Webhooks, 'dispatch'>, how?: TestWorkOptions): Promise<EventWorker>
  /** Adds a job as another program would. */
  add(data: object): Promise<void>
  /** The jobs that the broker has, redriven ones beside their dead letters. */
  jobs(): Promise<QueuedJob[]>
  deadLetters(options?: DeadLettersOptions): Promise<DeadLetter[]>
  redrive(options?: RedriveOptions): Promise<number>
  /** All that the broker has stored of the queue, as text. */
  contents(): Promise<string>
  /** As if an hour had passed: pauses are over, and dead workers are detected. */
  passTime(): Promise<void>
  /** Makes the queue detect dead workers, so that their jobs are due at once. Live ones lose theirs, too. */
  noticeDeaths(): Promise<void>
  /** Closes the workers in an orderly way, and the connections. */
  close(): Promise<void>
}

/** A job as every broker has it. */
export interface QueuedJob {
  readonly eventId: string
  readonly state: 'waiting' | 'active' | 'done' | 'failed'
  /** What `runner.run` returned, once the job is done. */
  readonly outcome: string | undefined
  /** How often it was taken again after its first try. */
  readonly retries: number
  /** The pause before its next try, if it waits for one: from the last try until it is due. */
  readonly pauseMs: number | undefined
  readonly data: EventJob
}
