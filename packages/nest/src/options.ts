import type { NoContext, WebhooksOptions } from '@hongbao/core'
import { checkOptions } from '@hongbao/core/internal'
import type { ConfigurableModuleAsyncOptions } from '@nestjs/common'

/** Options of `HongbaoModule.forRoot`: those of `createWebhooks`, and the path. */
export interface HongbaoModuleOptions<
  Context extends object = NoContext,
> extends WebhooksOptions<Context> {
  /**
   * The exact path of the URL that Ping++ calls. The global prefix and the versions of the app do not
   * apply to it. Default: `'/webhooks'`.
   */
  readonly path?: string | undefined
}

/**
 * Options of `HongbaoModule.forRootAsync`: `useFactory` with `inject`, or `useClass` or `useExisting`
 * with a class that has the method `createHongbaoOptions`; and `imports`.
 */
export interface HongbaoModuleAsyncOptions<
  Context extends object = NoContext,
> extends ConfigurableModuleAsyncOptions<HongbaoModuleOptions<Context>, 'createHongbaoOptions'> {}

const NAMES: Readonly<Record<keyof HongbaoModuleOptions, true>> = {
  publicKey: true,
  path: true,
  app: true,
  livemode: true,
  inbox: true,
  on: true,
  handlerTimeoutMs: true,
  maxBodyBytes: true,
  bodyTimeoutMs: true,
  unhandled: true,
  maxEventAgeSeconds: true,
  onReport: true,
  onError: true,
  logger: true,
  now: true,
  allowPublishedKeys: true,
}

/**
 * Separates the path from the options of `createWebhooks`.
 *
 * @throws OptionError for an unknown option
 */
export function readModuleOptions(options: HongbaoModuleOptions<object>): {
  readonly path: string
  readonly receiver: WebhooksOptions<object>
} {
  checkOptions('`HongbaoModule`', options, NAMES)
  const { path = '/webhooks', ...receiver } = options
  return { path, receiver }
}
