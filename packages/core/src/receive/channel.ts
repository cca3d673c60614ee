import type { TracingChannel } from 'node:diagnostics_channel'
import type { WebhookError } from '../reply/errors.ts'
import type { Reply } from '../reply/reply.ts'
import type { Delivery } from './delivery.ts'
import { handle, type Pipeline } from './pipeline.ts'
import { createReport, type Reporter, type WebhookReport } from './report.ts'

/**
 * What subscribers of the tracing channel `hongbao:delivery` get: one object for each delivery, empty at
 * `start`. Subscribers may add properties, such as a span.
 */
export interface TracedDelivery {
  /** From `asyncStart` on, and in `error`: outcome, code, event and times. */
  report?: WebhookReport
  /** The answer, if the outcome is not `failed`. */
  result?: Reply
  /** The failure, if the outcome is `failed`; its `cause` is what was thrown. */
  error?: WebhookError
}

type DeliveryChannel = TracingChannel<unknown, TracedDelivery>

/**
 * Opens the tracing channel `hongbao:delivery`; undefined on runtimes without channels. Not by an import,
 * which bundles for Workers without Node's modules would not resolve.
 */
export function openChannel(): DeliveryChannel | undefined {
  const channels = globalThis.process?.getBuiltinModule?.('node:diagnostics_channel')
  const channel = channels?.tracingChannel<unknown, TracedDelivery>('hongbao:delivery')
  // Bun has it only for each of the five.
  if (channel !== undefined && !('hasSubscribers' in channel)) {
    Object.defineProperty(channel, 'hasSubscribers', { get: () => isHeard(channel) })
  }
  return channel
}

function isHeard({ start, end, asyncStart, asyncEnd, error }: DeliveryChannel): boolean {
  return [start, end, asyncStart, asyncEnd, error].some(({ hasSubscribers }) => hasSubscribers)
}

/**
 * Answers a delivery as `handle` does, and publishes it. To the channel a failed delivery is a rejection, so
 * that it has the event `error`.
 */
export async function handleTraced<Context extends object>(
  channel: DeliveryChannel,
  pipeline: Pipeline<Context>,
  delivery: Delivery,
): Promise<Reply> {
  const traced: TracedDelivery = {}
  let answer: Promise<Reply> | undefined
  let failure: WebhookError | undefined

  function answerOnce(): Promise<Reply> {
    answer ??= handle({ ...pipeline, report }, delivery)
    return answer
  }

  function report(...args: Parameters<Reporter>): void {
    pipeline.report(...args)
    if (args[0].kind !== 'delivery') return
    const details = createReport(...args)
    if (details.outcome === 'failed') failure = details.error
    // A subscriber may have frozen it.
    Reflect.set(traced, 'report', details)
  }

  async function answerOrReject(): Promise<Reply> {
    const reply = await answerOnce()
    if (failure !== undefined) throw failure
    return reply
  }

  try {
    return await channel.tracePromise(answerOrReject, traced)
  } catch {
    // It failed, or a subscriber has frozen its object or, on Workers, thrown, which changes no answer.
    return answerOnce()
  }
}
