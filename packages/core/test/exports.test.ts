import { describe, expect, it } from 'vitest'
import * as adapterKit from '@hongbao/core/adapter'
import * as fetchKit from '@hongbao/core/fetch'
import * as lambdaKit from '@hongbao/core/lambda'
import * as core from '@hongbao/core'
import * as nodeKit from '@hongbao/core/node'
import * as testingKit from '@hongbao/core/testing'

// This list is a promise: an addition is a feature, a removal breaks apps.
describe('the exports of core', () => {
  it('from @hongbao/core', () => {
    expect(namesIn(core)).toEqual([
      'InboxError',
      'OptionError',
      'WebhookError',
      'appIdOf',
      'compareEnvelopeStatus',
      'createWebhooks',
      'envelopeStatusesBefore',
      'eventKey',
      'isCatalogued',
      'isEventType',
      'isFinalEnvelopeStatus',
      'memoryInbox',
      'unlisted',
    ])
  })

  it('from @hongbao/core/node', () => {
    expect(namesIn(nodeKit)).toEqual(['nodeWebhooks'])
  })

  it('from @hongbao/core/fetch', () => {
    expect(namesIn(fetchKit)).toEqual(['fetchWebhooks'])
  })

  it('from @hongbao/core/lambda', () => {
    expect(namesIn(lambdaKit)).toEqual(['lambdaWebhooks'])
  })

  it('from @hongbao/core/adapter', () => {
    expect(namesIn(adapterKit)).toEqual([
      'checkMount',
      'createMount',
      'fetchDelivery',
      'fetchHeaders',
      'nodeDelivery',
      'nodeHeaders',
      'replyTo',
      'sendReply',
      'toResponse',
    ])
  })

  it('from @hongbao/core/testing', () => {
    expect(namesIn(testingKit)).toEqual([
      'createTestKeys',
      'eventFixture',
      'inboxConformance',
      'signDelivery',
      'testContext',
    ])
  })
})

function namesIn(module: object): string[] {
  return Object.keys(module).toSorted((a, b) => (a < b ? -1 : 1))
}
