import type { BrokerKind, QueueClient, Tries } from '../hand-off-host.ts'
import { connectBullmq } from './bullmq.ts'
import { connectPgBoss } from './pg-boss.ts'

const CONNECT: Readonly<
  Record<BrokerKind, (url: string, name: string, tries: Tries) => Promise<QueueClient>>
> = {
  bullmq: connectBullmq,
  'pg-boss': connectPgBoss,
}

/** Connects this process to a queue. */
export function connect(
  kind: BrokerKind,
  url: string,
  name: string,
  tries: Tries = {},
): Promise<QueueClient> {
  return CONNECT[kind](url, name, tries)
}
