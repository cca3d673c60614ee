import type { Webhooks } from '@hongbao/core'

/**
 * Stops a server, and lets running handlers end: for twice `handlerTimeoutMs` at the most. What still
 * runs then is logged, and Ping++ sends it again. 停机：不再接受新请求，等待执行中的处理函数结束。
 */
export async function shutDown(
  webhooks: Webhooks,
  closeServer: () => PromiseLike<void>,
): Promise<void> {
  const closed = closeServer()
  const { running } = await webhooks.close()
  for (const { eventType, eventId, waitsFor, runningMs } of running) {
    console.error(`${eventType} ${eventId} still waits for its ${waitsFor} after ${runningMs} ms`)
  }
  await closed
}
