import { STATUS_CODES } from 'node:http'
import type { Receiver } from './receive/delivery.ts'
import { lambdaDelivery, readHttpEvent, type HttpEvent } from './receive/lambda-delivery.ts'
import { createMount, type MountOptions } from './receive/mount.ts'
import { replyTo, type Reply } from './reply/reply.ts'

export type { MountOptions } from './receive/mount.ts'
// Otherwise the bundled types take it from /adapter, which needs the types of Node.
export type { Receiver } from './receive/delivery.ts'

/**
 * A function's handler. `event` is what the platform passes, its bytes or the object; `context` has the
 * time that is left.
 */
export type LambdaHandler = (event: unknown, context?: unknown) => Promise<LambdaResult>

/** What a function returns for an HTTP request. The last two only for an Application Load Balancer. */
export interface LambdaResult {
  readonly statusCode: number
  readonly headers: Record<string, string>
  readonly body: string
  readonly isBase64Encoded: false
  readonly statusDescription?: string
  readonly multiValueHeaders?: Record<string, string[]>
}

/**
 * Answers webhooks in AWS Lambda (API Gateway, function URLs, Application Load Balancers), Alibaba Cloud
 * Function Compute and Tencent Cloud SCF: `export const handler = lambdaWebhooks(webhooks)`
 *
 * Handlers get until 500 ms before the time limit of the function, if that is earlier than
 * `handlerTimeoutMs`; then the answer is 500, so that Ping++ sends the event again.
 *
 * @throws OptionError if there is no receiver, or for a wrong or unknown option. The handler rejects with
 * one if its event is not an HTTP request.
 */
export function lambdaWebhooks(receiver: Receiver, options: MountOptions = {}): LambdaHandler {
  const isMountedAt = createMount('lambdaWebhooks', receiver, options)

  return async function hongbaoWebhooks(given, context) {
    const event = readHttpEvent(given)
    const isForUs = event.paths.some((path) => isMountedAt(path))
    if (!isForUs) return toResult(replyTo('path-mismatch'), event)
    return toResult(await receiver.handle(lambdaDelivery(event, context)), event)
  }
}

function toResult(
  { status, headers, body }: Reply,
  { isFromBalancer, hasLists }: HttpEvent,
): LambdaResult {
  // The platforms count the bytes themselves; Function Compute refuses the header.
  const kept = Object.entries(headers).filter(([name]) => name !== 'content-length')
  const result: LambdaResult = {
    statusCode: status,
    headers: Object.fromEntries(kept),
    body,
    isBase64Encoded: false,
  }
  if (!isFromBalancer) return result
  const statusDescription = `${status} ${STATUS_CODES[status]}`
  if (!hasLists) return { ...result, statusDescription }
  // A target group with multi-value headers reads no others.
  const multiValueHeaders = Object.fromEntries(kept.map(([name, value]) => [name, [value]]))
  return { ...result, statusDescription, multiValueHeaders }
}
