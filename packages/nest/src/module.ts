import {
  createWebhooks,
  OptionError,
  type Inbox,
  type Logger,
  type NoContext,
  type Webhooks,
} from '@hongbao/core'
import {
  ConfigurableModuleBuilder,
  Global,
  Logger as NestLogger,
  Module,
  type DynamicModule,
  type FactoryProvider,
} from '@nestjs/common'
import { DiscoveryModule, DiscoveryService, HttpAdapterHost } from '@nestjs/core'
import { mountOnServer } from './mount.ts'
import {
  readModuleOptions,
  type HongbaoModuleAsyncOptions,
  type HongbaoModuleOptions,
} from './options.ts'
import { registerHandlers } from './register-handlers.ts'

// Tokens are the same in every copy of the package, such as ESM beside CommonJS.

/** The token of the receiver: `@Inject(WEBHOOKS) private readonly webhooks: Webhooks`. */
export const WEBHOOKS: unique symbol = Symbol.for('hongbao.nest.webhooks')
const OPTIONS = Symbol.for('hongbao.nest.options')

/**
 * Receives Ping++ webhooks in a NestJS app, on Express and on Fastify. Import it once, in the root
 * module; {@link WEBHOOKS} is global. Methods with `@OnWebhook` are its handlers.
 *
 * Guards, interceptors, pipes, filters, middleware, the global prefix and versions of the app do not
 * apply to the path of the webhook. `app.close()` closes the receiver.
 */
// oxlint-disable-next-line typescript/no-extraneous-class -- modules of Nest are classes
export class HongbaoModule {
  /** @throws OptionError for a wrong or unknown option, when Nest creates the app */
  static forRoot<Context extends object = NoContext>(
    options: HongbaoModuleOptions<Context> &
      (NoContext extends Context ? unknown : { readonly inbox: Inbox<Context> }),
  ): DynamicModule {
    return { module: HongbaoModule, imports: [ReceiverModule.forRoot(options)] }
  }

  /** The same with options from a factory or a class, sync or async. */
  static forRootAsync<Context extends object = NoContext>(
    options: HongbaoModuleAsyncOptions<Context>,
  ): DynamicModule {
    return { module: HongbaoModule, imports: [ReceiverModule.forRootAsync(options)] }
  }
}

const { ConfigurableModuleClass } = new ConfigurableModuleBuilder<unknown>({
  optionsInjectionToken: OPTIONS,
})
  .setClassMethodName('forRoot')
  .setFactoryMethodName('createHongbaoOptions')
  .build()

/** Nest initialises global modules first: providers may dispatch events in their own `onModuleInit`. */
class ReceiverModule extends ConfigurableModuleClass {}

const receiver: FactoryProvider<Webhooks<object>> = {
  provide: WEBHOOKS,
  inject: [OPTIONS],
  useFactory: (options: HongbaoModuleOptions<object>) =>
    createWebhooks<object>({
      ...readModuleOptions(options).receiver,
      logger: options.logger ?? loggerOfNest(),
    }),
}

/** Takes the line only: Nest prints every further argument as a line of its own. */
function loggerOfNest(): Logger {
  const logger = new NestLogger(HongbaoModule.name)
  return { warn: (line) => logger.warn(line), error: (line) => logger.error(line) }
}

const handlers: FactoryProvider = {
  provide: Symbol('handlers'),
  inject: [WEBHOOKS, DiscoveryService],
  useFactory: (webhooks: Webhooks<object>, discovery: DiscoveryService) => ({
    onModuleInit() {
      refuseSecondImport(discovery)
      registerHandlers(webhooks, discovery)
    },
  }),
}

/** Each import has a receiver and an inbox of its own, so an event could be applied twice. */
function refuseSecondImport(discovery: DiscoveryService): void {
  const receivers = discovery.getProviders().filter(({ token }) => token === WEBHOOKS)
  if (receivers.length === 1) return
  throw new OptionError(
    'option-invalid',
    '`HongbaoModule.forRoot` is imported twice. Import it once, in the root module: `WEBHOOKS` is global. `publicKey` takes several keys.',
  )
}

/**
 * Nest destroys global modules last, and this is not one: handlers that run need the providers of
 * other modules, which may end in `onModuleDestroy`, too.
 */
const mount: FactoryProvider = {
  provide: Symbol('mount'),
  inject: [HttpAdapterHost, WEBHOOKS, OPTIONS],
  useFactory(host: HttpAdapterHost, webhooks: Webhooks, options: HongbaoModuleOptions<object>) {
    const open = mountOnServer(host, webhooks, readModuleOptions(options).path)
    return { onModuleInit: open, onModuleDestroy: () => webhooks.close() }
  },
}

// Called by hand: Node and esbuild, which run and build these sources, compile no decorators of Nest.
Global()(ReceiverModule)
Module({
  imports: [DiscoveryModule],
  providers: [receiver, handlers],
  exports: [WEBHOOKS, OPTIONS],
})(ReceiverModule)
Module({ providers: [mount] })(HongbaoModule)
