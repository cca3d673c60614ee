import { describe } from 'vitest'
import { describeInbox } from './inbox.ts'
import type { InboxHost } from './inbox-host.ts'
import { memoryHost } from './inboxes/memory.ts'

/** Every inbox that hongbao has, on every server that is here. */
const hosts: readonly InboxHost[] = [memoryHost]

describe.each(hosts)('$name', describeInbox)
