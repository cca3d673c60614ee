import {
  Catch,
  Injectable,
  Module,
  type ArgumentsHost,
  type CallHandler,
  type CanActivate,
  type ExceptionFilter,
  type ExecutionContext,
  type MiddlewareConsumer,
  type NestInterceptor,
  type NestMiddleware,
  type NestModule,
  type PipeTransform,
} from '@nestjs/common'
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR, APP_PIPE } from '@nestjs/core'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Orders } from './orders.js'
import { OrdersModule } from './handlers.js'

/** Each of them notes that it was asked, in the order of Nest. */
@Injectable()
class Bar implements CanActivate, NestInterceptor, PipeTransform, NestMiddleware {
  constructor(private readonly orders: Orders) {}

  use(_request: IncomingMessage, _response: ServerResponse, next: () => void): void {
    this.orders.applied.push('middleware')
    next()
  }

  canActivate(_context: ExecutionContext): boolean {
    this.orders.applied.push('guard')
    return true
  }

  intercept(_context: ExecutionContext, next: CallHandler): ReturnType<CallHandler['handle']> {
    this.orders.applied.push('interceptor')
    return next.handle()
  }

  transform(value: unknown): unknown {
    this.orders.applied.push('pipe')
    return value
  }
}

@Catch()
class Filter implements ExceptionFilter {
  constructor(private readonly orders: Orders) {}

  catch(_error: unknown, host: ArgumentsHost): void {
    this.orders.applied.push('filter')
    const response = host.switchToHttp().getResponse()
    response.status(418).send('filtered')
  }
}

/** Everything of Nest that can stand between a request and its answer. */
@Module({
  imports: [OrdersModule],
  providers: [
    Bar,
    { provide: APP_GUARD, useExisting: Bar },
    { provide: APP_INTERCEPTOR, useExisting: Bar },
    { provide: APP_PIPE, useExisting: Bar },
    { provide: APP_FILTER, useClass: Filter },
  ],
})
export class BarredModule implements NestModule {
  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(Bar).forRoutes('{*path}')
  }
}
