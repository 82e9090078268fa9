import COneDNN
import TestSupport
import Tensors
import Testing

private func random(_ count: Int, seed: UInt64) -> [Float] {
  var generator = Generator(seed: seed)
  return (0..<count).map { _ in Float(generator.uniform()) * 2 - 1 }
}

private struct Case: CustomTestStringConvertible, Sendable {
  var batch = 2, channels: Int, size: (Int, Int), out: Int, kernel: (Int, Int)
  var groups = 1, stride = (1, 1), dilation = (1, 1), pad = (0, 0, 0, 0)
  var testDescription: String {
    "\(batch)x\(channels)x\(size) to \(out), kernel \(kernel), groups \(groups), stride \(stride), dilation \(dilation), pad \(pad)"
  }

  var shape: od_conv2d_shape {
    od_conv2d_shape(
      batch: Int64(batch), channels: Int64(channels), height: Int64(size.0), width: Int64(size.1),
      out_channels: Int64(out), kernel_height: Int64(kernel.0), kernel_width: Int64(kernel.1),
      groups: Int64(groups),
      stride_height: Int64(stride.0), stride_width: Int64(stride.1), dilation_height: Int64(dilation.0),
      dilation_width: Int64(dilation.1), pad_top: Int64(pad.0), pad_left: Int64(pad.1),
      pad_bottom: Int64(pad.2),
      pad_right: Int64(pad.3), precision: OD_F32)
  }

  static let all = [
    Case(channels: 3, size: (9, 8), out: 16, kernel: (3, 3), pad: (1, 1, 1, 1)),
    Case(channels: 1, size: (12, 12), out: 6, kernel: (5, 5), pad: (2, 2, 2, 2)),
    Case(channels: 16, size: (8, 8), out: 32, kernel: (3, 3), stride: (2, 2), pad: (1, 1, 1, 1)),
    Case(channels: 16, size: (7, 5), out: 32, kernel: (1, 1)),
    Case(channels: 16, size: (8, 8), out: 16, kernel: (1, 1), stride: (2, 2)),
    Case(channels: 32, size: (8, 8), out: 32, kernel: (3, 3), groups: 32, pad: (1, 1, 1, 1)),
    Case(channels: 10, size: (7, 7), out: 20, kernel: (3, 3), groups: 10, stride: (2, 2), pad: (1, 1, 1, 1)),
    Case(channels: 12, size: (6, 6), out: 9, kernel: (3, 3), groups: 3),
    Case(channels: 32, size: (6, 6), out: 64, kernel: (3, 3), groups: 4, pad: (1, 1, 1, 1)),
    Case(channels: 8, size: (11, 10), out: 8, kernel: (3, 3), dilation: (2, 3), pad: (2, 3, 2, 3)),
    Case(channels: 5, size: (9, 6), out: 7, kernel: (2, 4), stride: (3, 1), pad: (0, 1, 1, 2)),
    Case(channels: 4, size: (8, 9), out: 4, kernel: (3, 3), stride: (2, 4)),
    Case(batch: 1, channels: 1, size: (1, 1), out: 1, kernel: (1, 1)),
    Case(batch: 1, channels: 2, size: (2, 2), out: 3, kernel: (3, 3), pad: (2, 2, 2, 2)),
  ]
}

/// Every product of a convolution: positions in source, weights and destination (channels-last; PyTorch's order).
private func products(_ c: Case, _ body: (_ src: Int, _ weight: Int, _ dst: Int) -> Void) {
  var shape = c.shape
  let height = Int(od_conv2d_out_height(&shape)), width = Int(od_conv2d_out_width(&shape))
  let inputs = c.channels / c.groups, outputs = c.out / c.groups
  for b in 0..<c.batch {
    for i in 0..<height {
      for j in 0..<width {
        for o in 0..<c.out {
          let dst = ((b * height + i) * width + j) * c.out + o
          for k in 0..<inputs {
            for s in 0..<c.kernel.0 {
              for t in 0..<c.kernel.1 {
                let y = i * c.stride.0 + s * c.dilation.0 - c.pad.0,
                  x = j * c.stride.1 + t * c.dilation.1 - c.pad.1
                guard (0..<c.size.0).contains(y), (0..<c.size.1).contains(x) else { continue }
                let channel = o / outputs * inputs + k
                body(
                  ((b * c.size.0 + y) * c.size.1 + x) * c.channels + channel,
                  ((o * inputs + k) * c.kernel.0 + s) * c.kernel.1 + t, dst)
              }
            }
          }
        }
      }
    }
  }
}

private func expectClose(_ values: [Float], _ truth: [Double], _ what: String) {
  let size = truth.reduce(1e-30) { max($0, abs($1)) }
  let error = zip(values, truth).reduce(0) { max($0, abs(Double($1.0) - $1.1)) } / size
  #expect(error < 1e-5, "\(what)")
}

@Suite struct OneDNNConvolutionTests {
  @Test(arguments: Case.all)
  private func allDirectionsAgreeWithTheDefinition(of c: Case) {
    var shape = c.shape
    let pixels = c.batch * Int(od_conv2d_out_height(&shape)) * Int(od_conv2d_out_width(&shape))
    let src = random(c.batch * c.size.0 * c.size.1 * c.channels, seed: 1), bias = random(c.out, seed: 2)
    let weights = random(c.out * c.channels / c.groups * c.kernel.0 * c.kernel.1, seed: 3)
    let slope = random(pixels * c.out, seed: 4)
    var trueDst = (0..<slope.count).map { Double(bias[$0 % c.out]) }
    var trueSrc = src.map { _ in 0.0 }, trueWeights = weights.map { _ in 0.0 },
      trueBias = bias.map { _ in 0.0 }
    products(c) { s, w, d in
      trueDst[d] += Double(src[s]) * Double(weights[w])
      trueSrc[s] += Double(slope[d]) * Double(weights[w])
      trueWeights[w] += Double(slope[d]) * Double(src[s])
    }
    for d in slope.indices { trueBias[d % c.out] += Double(slope[d]) }

    var dst = slope.map { _ in Float.nan }, plain = dst
    #expect(od_conv2d_forward(&shape, src, weights, bias, &dst) == OD_OK)
    #expect(od_conv2d_forward(&shape, src, weights, nil, &plain) == OD_OK)
    expectClose(dst, trueDst, "forward")
    expectClose(plain, trueDst.indices.map { trueDst[$0] - Double(bias[$0 % c.out]) }, "forward without bias")

    var diffSrc = src.map { _ in Float.nan }, diffWeights = weights.map { _ in Float.nan }, diffBias = bias
    #expect(od_conv2d_backward_data(&shape, slope, weights, &diffSrc) == OD_OK)
    #expect(od_conv2d_backward_weights(&shape, src, slope, &diffWeights, &diffBias) == OD_OK)
    expectClose(diffSrc, trueSrc, "backward data")
    expectClose(diffWeights, trueWeights, "backward weights")
    expectClose(diffBias, trueBias, "backward bias")
    #expect(od_conv2d_backward_weights(&shape, src, slope, &diffWeights, nil) == OD_OK)
    expectClose(diffWeights, trueWeights, "backward weights without bias")
  }

  @Test func theSameCallGivesTheSameBits() {
    let c = Case.all[2]
    var shape = c.shape
    let src = random(2 * 64 * 16, seed: 5), weights = random(32 * 16 * 9, seed: 6)
    var first = [Float](repeating: 0, count: 2 * 16 * 32), second = first
    #expect(od_conv2d_forward(&shape, src, weights, nil, &first) == OD_OK)
    od_clear_cache()
    #expect(od_conv2d_forward(&shape, src, weights, nil, &second) == OD_OK)
    #expect(first == second)
  }

  @Test func anEmptyBatchHasZeroWeightGradients() {
    var c = Case.all[3]
    c.batch = 0
    var shape = c.shape
    var diffWeights = [Float](repeating: 9, count: 32 * 16), diffBias = [Float](repeating: 9, count: 32)
    #expect(od_conv2d_forward(&shape, nil, nil, nil, nil) == OD_OK)
    #expect(od_conv2d_backward_weights(&shape, nil, nil, &diffWeights, &diffBias) == OD_OK)
    #expect((diffWeights + diffBias).allSatisfy { $0 == 0 })
  }

  @Test func refusesGeometryThatMakesNoSense() {
    let mistakes: [(inout od_conv2d_shape) -> Void] = [
      { $0.stride_width = 0 }, { $0.groups = 5 }, { $0.pad_left = -1 }, { $0.kernel_height = 50 },
      { $0.channels = 0 },
      { $0.height = .max }, { $0.dilation_width = .max }, { $0.batch = .max },
    ]
    for mistake in mistakes {
      var shape = Case.all[2].shape
      mistake(&shape)
      #expect(od_conv2d_forward(&shape, nil, nil, nil, nil) == OD_INVALID)
      #expect(String(cString: od_last_error()).hasPrefix("conv2d: "))
    }
  }

  @Test func severalThreadsComputeTheSame() async {
    let c = Case.all[0]
    let src = random(2 * 72 * 3, seed: 7), weights = random(16 * 27, seed: 8)
    @Sendable func compute() -> [Float] {
      var shape = c.shape
      var dst = [Float](repeating: 0, count: 2 * 72 * 16)
      for _ in 0..<20 { #expect(od_conv2d_forward(&shape, src, weights, nil, &dst) == OD_OK) }
      return dst
    }
    let expected = compute()
    await withTaskGroup(of: [Float].self) { group in
      for _ in 0..<4 { group.addTask { compute() } }
      for await result in group { #expect(result == expected) }
    }
  }
}
