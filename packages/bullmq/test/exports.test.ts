import * as hongbao from '@hongbao/bullmq'
import { expect, it } from 'vitest'

// What is here is a promise: to add is a feature, to take away breaks somebody.
it('is what people can import', () => {
  expect(new Set(Object.keys(hongbao))).toEqual(
    new Set([
      'HandOffError',
      'createEventWorker',
      'handOff',
      'handOffInbox',
      'listFailed',
      'redrive',
    ]),
  )
})
