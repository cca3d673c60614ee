import * as hongbao from '@hongbao/pg-boss'
import { expect, it } from 'vitest'

// This list is a promise: an addition is a feature, a removal breaks apps.
it('@hongbao/pg-boss has exactly these exports', () => {
  expect(Object.keys(hongbao)).toEqual(['pgBossQueue'])
})
