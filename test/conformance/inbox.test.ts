import { describeInbox } from './inbox.ts'
import type { InboxHost } from './inbox-host.ts'
import { memoryHost } from './inboxes/memory.ts'
import { postgresHosts } from './inboxes/postgres.ts'
import { redisHosts } from './inboxes/redis.ts'
import { sqlHosts } from './inboxes/sql.ts'

/** Every inbox that hongbao has, on every server that is here. */
const hosts: readonly InboxHost[] = [memoryHost, ...redisHosts, ...postgresHosts, ...sqlHosts]

for (const host of hosts) describeInbox(host)
