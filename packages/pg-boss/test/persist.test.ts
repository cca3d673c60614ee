import { describe, expect, it } from 'vitest'
import { jobIdOf } from '../src/persist.ts'

const KEY = 'app_1Gqj58ynP0mHeX1q:live:red_envelope.sent:red_04er10TuvT4OCyLO08aLOqbD'

describe('the id of a job', () => {
  it('is a version 5 UUID as in RFC 9562, appendix A.4', () => {
    const dns = '6ba7b810-9dad-11d1-80b4-00c04fd430c8'
    expect(jobIdOf('www.example.com', dns)).toBe('2ed6657d-e927-568b-95e1-2665a8aea6a2')
  })

  it('is the same for the same key in every process, today and after an upgrade [E31]', () => {
    expect(jobIdOf(KEY)).toBe('5d1ddc8a-61c3-5d32-a8fc-6b5dd48cf1ed')
  })

  it('differs for every other key, apart from the version and the variant', () => {
    const ids = Array.from({ length: 10_000 }, (_, index) => jobIdOf(`${KEY}${index}`))
    expect(new Set(ids).size).toBe(10_000)
    expect(ids.filter((id) => !UUID_5.test(id))).toEqual([])
  })
})

const UUID_5 = /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
