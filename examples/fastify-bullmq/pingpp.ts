// What the app and the worker share: the settings, the client of Ping++ and the queue.
import { bullmqQueue, type EventQueue } from '@hongbao/bullmq'
import { createPingppClient, type PingppClient } from '@hongbao/client'

const env = process.env
export const app: string = env['PINGPP_APP'] ?? ''
export const publicKey: string | undefined = env['PINGPP_PUBLIC_KEY'] // Ping++'s

export const pingpp: PingppClient = createPingppClient({
  app,
  apiKey: env['PINGPP_API_KEY'],
  privateKey: env['PINGPP_PRIVATE_KEY'], // your own
  publicKey,
  baseUrl: env['PINGPP_BASE_URL'], // the sandbox; unset in production
})

export const queue: EventQueue = bullmqQueue({ connection: { url: env['REDIS_URL'] ?? '' } })
