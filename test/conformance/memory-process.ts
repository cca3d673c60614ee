// A host in a process of its own, whose memory is measured. Its name and the key come as JSON in its first
// argument; it sends its port and what it holds to its parent, and after each message what it has held at most.
import { createWebhooks } from '@hongbao/core'
import { hosts } from './hosts.ts'

/** The messages to the process. */
export interface MemoryTask {
  readonly host: string
  readonly publicKey: string
}

/** Its first message. */
export interface Started {
  readonly port: number
}

/** Its answer to each message. */
export interface Memory {
  /** Resident memory now. */
  readonly residentBytes: number
  /** The most that was ever resident. */
  readonly peakBytes: number
}

const task = JSON.parse(process.argv[2] ?? '') as MemoryTask
const host = hosts.find(({ name }) => name === task.host)
if (host === undefined) throw new Error(`There is no host ${task.host}.`)
const webhooks = createWebhooks({
  publicKey: task.publicKey,
  logger: false,
  // A busy machine takes its time for ten million chunks.
  bodyTimeoutMs: 300_000,
})
webhooks.on('*', () => {})
const { port } = await host.start(webhooks)
process.on('message', () => {
  const peakBytes = process.resourceUsage().maxRSS * 1024
  tell({ residentBytes: process.memoryUsage.rss(), peakBytes })
})
process.once('disconnect', () => process.exit())
tell({ port })

function tell(what: Started | Memory): void {
  process.send?.(what)
}
