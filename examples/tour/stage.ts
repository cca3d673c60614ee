import { createPingppClient, type PingppClient } from '@hongbao/client'
import { createWebhooks, memoryInbox, type Webhooks } from '@hongbao/core'
import { createTestKeys, type TestKeys } from '@hongbao/core/testing'
import { startSandbox, type Sandbox } from '@hongbao/sandbox'
import type { start as startExpress } from '../express/app.ts'
import { createOrderBook, handleOrders, type OrderBook } from './order-handlers.ts'
import type { PublishedSample } from './published-sample.ts'

/** How each example app is started; all four are alike. */
export type StartApp = typeof startExpress

/** One app, and around it all that a merchant has: a local Ping++, and a client that speaks with it. */
export interface Stage {
  readonly sandbox: Sandbox
  readonly client: PingppClient
  readonly orders: OrderBook
  /** The app's handlers and the app's inbox, for reconciliation: HTTP does not reach it. */
  readonly webhooks: Webhooks
  readonly published: PublishedSample
  /** The app. */
  readonly url: string
  /** The same app with the key of Ping++'s published sample, and the clock of its day. */
  readonly publishedUrl: string
  close(): Promise<void>
}

/** Signs requests, as the merchant's own key pair does; its public half is what the dashboard would have. */
const merchant: TestKeys = createTestKeys()

/**
 * Starts an app and a sandbox that know of each other. The sandbox's clock is virtual, so that an
 * hour takes no time, and the app goes by the same clock.
 */
export async function setStage(startApp: StartApp, published: PublishedSample): Promise<Stage> {
  const sandbox = await startSandbox({ clock: 'virtual', merchantPublicKey: merchant.publicKey })
  const client = createPingppClient({
    apiKey: sandbox.apiKey,
    privateKey: merchant.privateKey,
    publicKey: sandbox.publicKey,
    baseUrl: sandbox.url,
  })
  const orders = createOrderBook()
  const options = {
    publicKey: sandbox.publicKey,
    now: sandbox.clock.now,
    inbox: memoryInbox(),
    logger: false,
  } as const
  const webhooks = createWebhooks(options)
  handleOrders(webhooks, orders)
  const app = await startApp(0, options, orders)
  const publishedApp = await startApp(0, withPublishedKey(published), orders)
  sandbox.setTarget(`${app.url}/webhooks`)
  return {
    sandbox,
    client,
    orders,
    webhooks,
    published,
    url: app.url,
    publishedUrl: publishedApp.url,
    async close() {
      await Promise.all([app.close(), publishedApp.close(), sandbox.close()])
    },
  }
}

/** Trusts the key in Ping++'s SDK. Its sample is of 2015, and so is this receiver's clock. */
function withPublishedKey({ publicKeyPath }: PublishedSample): Parameters<StartApp>[1] {
  return {
    publicKey: { path: publicKeyPath },
    allowPublishedKeys: true,
    now: () => Date.parse('2015-06-15T11:35:00Z'),
    logger: false,
  }
}
