import * as hongbao from '@hongbao/pg-boss'
import { expect, it } from 'vitest'

// What is here is a promise: to add is a feature, to take away breaks apps.
it('is what people can import from @hongbao/pg-boss', () => {
  expect(Object.keys(hongbao)).toEqual(['pgBossQueue'])
})
