// Test a handler.
import { eventFixture, testContext } from '@hongbao/core/testing'
import { expect, it } from 'vitest'
import { markPaid, paid } from './typed-handler.ts'

it('marks the order as paid', async () => {
  const object = { order_no: '20260217', amount: 888 }
  await markPaid(eventFixture('charge.succeeded', { object }), testContext())
  expect(paid.get('20260217')).toBe(888)
})
