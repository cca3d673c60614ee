import { describeShop, startScripts } from './shop.ts'

describeShop({
  name: 'commonjs',
  start: (variables) => startScripts('commonjs', ['start'], variables),
  isDurable: false,
})
