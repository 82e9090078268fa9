import CKernels
import Tensors
import TestSupport
import Testing

@testable import Compression

@Suite struct QuantParamsTests {
  @Test(arguments: [(-1, 1), (0, 6), (-3, 0), (0.5, 2), (-2, -1), (0, 0), (-3e38, 3e38)] as [(Float, Float)])
  func coversTheRangeAndHoldsZeroExactly(min: Float, max: Float) {
    let params = QuantParams(covering: min, max)
    #expect(params.dequantize(params.zeroPoint) == 0)
    #expect(params.scale > 0 && params.scale.isFinite)
    for x in [min, max, 0] {
      #expect(abs(params.dequantize(params.quantize(x)) - x) <= params.scale * 0.5001)
    }
  }

  @Test(arguments: 0..<8 as Range<UInt64>)
  func recoversEveryByteFromItsRealNumber(seed: UInt64) {
    var generator = Generator(seed: seed)
    for _ in 0..<200 {
      let scale = Float(Libm.exp(generator.uniform() * 60 - 30))
      let params = QuantParams(scale: scale, zeroPoint: UInt8.random(in: 0...255, using: &generator))
      for q in 0...255 { #expect(params.quantize(params.dequantize(UInt8(q))) == UInt8(q)) }
    }
  }

  @Test(arguments: 0..<8 as Range<UInt64>)
  func agreesWithTheKernel(seed: UInt64) throws {
    var generator = Generator(seed: seed)
    let params = QuantParams(scale: 0.037, zeroPoint: 113)
    var values = (0..<1000).map { _ in Float(generator.normal() * 5) }
    values += [.infinity, -.infinity, 0, -0.0, 0.037 / 2, -0.037 / 2, 1e30, -1e30, .nan]
    let bytes = try params.quantize(Tensor([1, values.count], values)).array(UInt8.self)
    #expect(bytes == values.map(params.quantize))
  }

  @Test(arguments: 2...8)
  func fewerBitsUseFewerCodes(bits: Int) throws {
    let params = QuantParams(covering: -1, 3, bits: bits)
    #expect(params.lowest == 0 && Int(params.highest) == (1 << bits) - 1)
    #expect(params.quantize(-100) == 0 && params.quantize(100) == params.highest)
    #expect(params.dequantize(params.zeroPoint) == 0)
    let signed = QuantParams(symmetric: 2, bits: bits)
    #expect(signed.zeroPoint == 128 && Int(signed.highest) - Int(signed.lowest) == (1 << bits) - 1)
    #expect(abs(signed.dequantize(signed.quantize(2)) - 2) < 1e-6)
    var generator = Generator(seed: 3)
    let values = (0..<500).map { _ in Float(generator.normal() * 3) } + [.infinity, -.infinity, 0]
    for params in [params, signed] {
      let bytes = try params.quantize(Tensor([1, values.count], values)).array(UInt8.self)
      #expect(bytes == values.map(params.quantize))
    }
  }

  @Test(arguments: [(-1, 1), (0, 6), (-3, 0), (0, 2.55), (-3e38, 3e38)] as [(Float, Float)])
  func scalesThatArePowersOfTwoClipNothing(min: Float, max: Float) {
    let (exact, params) = (QuantParams(covering: min, max), QuantParams(covering: min, max, powerOfTwo: true))
    #expect(params.scale.significand == 1)
    #expect(params.scale >= exact.scale && params.scale < 2 * exact.scale)
    for x in [min, max] { #expect(abs(params.dequantize(params.quantize(x)) - x) <= params.scale * 0.5001) }
    #expect(QuantParams(symmetric: 127, powerOfTwo: true).scale == 1)
  }

  @Test func boundsFollowTheActivation() {
    let params = QuantParams(covering: -1, 9)
    #expect(ActivationRange.nonNegative.bounds(params) == (params.zeroPoint, 255))
    #expect(ActivationRange.clip(min: 0, max: 6).bounds(params).high == params.quantize(6))
  }
}
