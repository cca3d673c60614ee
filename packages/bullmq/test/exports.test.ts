import * as hongbao from '@hongbao/bullmq'
import { expect, it } from 'vitest'

// What is here is a promise: to add is a feature, to take away breaks apps.
it('@hongbao/bullmq has exactly these exports', () => {
  expect(Object.keys(hongbao)).toEqual(['bullmqQueue'])
})
