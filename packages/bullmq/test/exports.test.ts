import * as hongbao from '@hongbao/bullmq'
import { expect, it } from 'vitest'

// What is here is a promise: to add is a feature, to take away breaks apps.
it('is what people can import from @hongbao/bullmq', () => {
  expect(Object.keys(hongbao)).toEqual(['bullmqQueue'])
})
