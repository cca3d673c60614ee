import entries from './entries.json'

it.each(entries)('requires %s', (entry) => {
  expect(Object.keys(require(entry))).not.toEqual([])
})
