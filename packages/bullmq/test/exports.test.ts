import * as hongbao from '@hongbao/bullmq'
import { expect, it } from 'vitest'

// This list is a promise: an addition is a feature, a removal breaks apps.
it('@hongbao/bullmq has exactly these exports', () => {
  expect(Object.keys(hongbao)).toEqual(['bullmqQueue'])
})
