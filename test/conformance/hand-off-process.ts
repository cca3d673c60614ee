// A receiver or a worker in a process of its own, for the suite to kill. Its first argument is its task
// as JSON; it writes one word a line.
import { createWebhooks, type Webhooks } from '@hongbao/core'
import { expressWebhooks } from '@hongbao/express'
import express from 'express'
import { Pool } from 'pg'
import type { BrokerKind } from './hand-off-host.ts'
import { openEffects } from './hand-off-effects.ts'
import { connect } from './hand-offs/connect.ts'
import { serve } from './host.ts'

/** The task of a process. */
export interface Task {
  /**
   * - `'receive'`: stores what it gets by HTTP; writes `port:…`.
   * - `'hang-in-handler'`: a worker that never ends its first handler; writes `in-handler`.
   * - `'hang-when-applied'`: one that never acknowledges what it has applied; writes `applied`.
   * - `'hang-while-reporting'`: one that never returns from `onDeadLetter`; writes `reporting`.
   */
  readonly role: 'receive' | 'hang-in-handler' | 'hang-when-applied' | 'hang-while-reporting'
  readonly publicKey: string
  readonly queue: { readonly kind: BrokerKind; readonly url: string; readonly name: string }
  /** Where the inbox and the effects of workers are. */
  readonly database: string
}

const task = JSON.parse(process.argv[2] ?? '') as Task
const { kind, url, name } = task.queue
const client = await connect(kind, url, name)
if (task.role === 'receive') await receive()
else await workUntilKilled(task.role)

async function receive(): Promise<void> {
  const webhooks = await client.receiver(task.publicKey)
  const app = express()
  app.post('/webhooks', expressWebhooks(webhooks))
  write(`port:${(await serve(app)).port}`)
}

async function workUntilKilled(role: Task['role']): Promise<void> {
  const effects = openEffects(new Pool({ connectionString: task.database }))
  const webhooks = createWebhooks({ publicKey: task.publicKey, inbox: effects.inbox })
  const never = new Promise<never>(() => {})
  webhooks.on('*', async (event, { tx }) => {
    await effects.applyEffect(event, tx)
    if (role !== 'hang-in-handler') return
    write('in-handler')
    await never
  })
  const receiver: Pick<Webhooks, 'dispatch'> = {
    ...webhooks,
    async dispatch(event, how) {
      await webhooks.dispatch(event, how)
      if (role === 'hang-when-applied') write('applied')
      return never
    },
  }
  await client.work(receiver, { crashes: 1, onDeadLetter: hang })
}

function hang(): void {
  if (task.role !== 'hang-while-reporting') return
  write('reporting')
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
}

function write(word: string): void {
  process.stdout.write(`${word}\n`)
}
