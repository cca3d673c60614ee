/** The result of a statement; that of `pg` has both. */
export interface PostgresResult {
  readonly rows: readonly unknown[]
  /** The first word of the command tag. At the end of a transaction: `COMMIT`, or `ROLLBACK`. */
  readonly command: string
}

/** A connection that is lent: of `pg` a `PoolClient`, or anything else with these two methods. */
export interface PostgresClient {
  /** A text of several statements, without values, gives the result of the last, or a list of all. */
  query(text: string, values?: unknown[]): Promise<PostgresResult | readonly PostgresResult[]>
  /** Gives the connection back; `true` closes it, because its state is unknown. */
  release(destroy?: boolean): void
}

/** A pool of connections. */
export interface PostgresPool<Client extends PostgresClient = PostgresClient> {
  connect(): Promise<Client>
}

/** The pool of `pg`: the same, said in the two forms that its types have. */
export interface PgPool<Client extends PostgresClient = PostgresClient> {
  connect(): Promise<Client>
  connect(callback: (error: Error | undefined, client: Client | undefined) => void): void
}

/** Listens to the `error` event, if the client emits events. */
export function onError(emitter: unknown, listener: (error: unknown) => void): () => void {
  if (!isEmitter(emitter)) return () => {}
  emitter.on('error', listener)
  return () => emitter.off('error', listener)
}

/**
 * Listens to `error` events, so that a lost connection does not end the process: Node throws an `error`
 * event that has no listener. The pool of pg has one for every connection that is lost while it is idle. On its
 * way out of the pool a connection has no listener for a moment: pg reads a packet in one go, and
 * what says that the server goes down may come in the one that says that it is ready.
 */
export function outliveLosses(pool: unknown): void {
  if (!isEmitter(pool)) return
  const known = new WeakSet<object>()
  pool.on('error', () => {})
  pool.on('acquire', (client) => {
    if (!isEmitter(client) || known.has(client)) return
    known.add(client)
    client.on('error', () => {})
  })
}

interface Emitter {
  on(event: 'error' | 'acquire', listener: (about: unknown) => void): unknown
  off(event: 'error', listener: (error: unknown) => void): unknown
}

function isEmitter(value: unknown): value is Emitter {
  const { on, off } = Object(value)
  return typeof on === 'function' && typeof off === 'function'
}
