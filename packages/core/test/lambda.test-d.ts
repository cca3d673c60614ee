import type {
  ALBHandler,
  APIGatewayProxyHandler,
  APIGatewayProxyHandlerV2,
  Context,
  LambdaFunctionURLHandler,
} from 'aws-lambda'
import { describe, expectTypeOf, it } from 'vitest'
import { createWebhooks } from '@hongbao/core'
import { lambdaWebhooks, type LambdaHandler, type LambdaResult } from '@hongbao/core/lambda'

const handler = lambdaWebhooks(createWebhooks({ publicKey: '' }), { path: '/webhooks' })

describe('the handler of lambdaWebhooks', () => {
  it('is one of API Gateway, function URLs and load balancers, by the types of AWS', () => {
    expectTypeOf(handler).toExtend<APIGatewayProxyHandler>()
    expectTypeOf(handler).toExtend<APIGatewayProxyHandlerV2>()
    expectTypeOf(handler).toExtend<LambdaFunctionURLHandler>()
    expectTypeOf(handler).toExtend<ALBHandler>()
  })

  it('takes whatever a platform passes, and returns a result', () => {
    expectTypeOf(handler).toEqualTypeOf<LambdaHandler>()
    expectTypeOf<Context>().toExtend<Parameters<LambdaHandler>[1]>()
    expectTypeOf(handler).returns.resolves.toEqualTypeOf<LambdaResult>()
  })

  it('has no other option than `path`', () => {
    // @ts-expect-error -- a misspelt option
    lambdaWebhooks(createWebhooks({ publicKey: '' }), { paht: '/webhooks' })
  })
})
