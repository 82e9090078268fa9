import CKernels
import Testing

@Suite struct PoolTests {
  static let shapes = [
    pool(4, 4, channels: 1, kernel: 2, stride: 2),
    pool(7, 9, channels: 5, kernel: 3, stride: 2, pad: 1),
    pool(5, 5, channels: 16, kernel: 3, stride: 1, pad: 1),
    pool(6, 6, channels: 64, kernel: 2, stride: 2),
    pool(9, 8, channels: 67, kernel: 3, stride: 2, dilation: 2),
    pool(6, 7, channels: 130, kernel: 2, stride: 1, pad: 2, dilation: 3),
    pool(28, 28, channels: 6, kernel: 2, stride: 2),
    pool(5, 21, channels: 8, kernel: 3, stride: 1, pad: 1),
    pool(4, 13, channels: 15, kernel: 2, stride: 4),
    pool(5, 5, channels: 43, kernel: 3, stride: 2, pad: 1),
    pool(20, 20, channels: 9, kernel: 18, stride: 1),
    // rounded up: the last window reaches past the padding
    qk_pool2d_shape(
      height: 5, width: 6, channels: 3, out_height: 3, out_width: 3, kernel_h: 2, kernel_w: 3, stride_h: 2,
      stride_w: 2, dilation_h: 1, dilation_w: 1, pad_top: 0, pad_left: 1, pad_bottom: 0, pad_right: 0),
  ]
  static let averages = [
    qk_average_pool2d_params(
      multiplier: 1, x_zero_point: 0, zero_point: 0, lo: 0, hi: 255, count_include_pad: false),
    qk_average_pool2d_params(
      multiplier: 1.7, x_zero_point: 131, zero_point: 50, lo: 5, hi: 240, count_include_pad: true),
  ]

  @Test(arguments: Level.runnable, shapes) func maxEqualsTheContract(level: Level, shape: qk_pool2d_shape) {
    var shape = shape
    let x = input(shape)
    let expected = windows(shape, x).map { $0.values.max()! }
    let (y, intact) = guarded(expected.count, of: UInt8.self) {
      #expect(qk_max_pool2d_u8(level.isa, &shape, Self.batch, x, $0) == QK_OK)
    }
    #expect(y == expected)
    #expect(intact)
  }

  @Test(arguments: Level.runnable, shapes) func averageEqualsTheContract(level: Level, shape: qk_pool2d_shape)
  {
    var shape = shape
    let x = input(shape)
    for var average in Self.averages {
      let expected = windows(shape, x).map { window in
        let count = average.count_include_pad ? window.padded : window.values.count
        return average(of: window.values, count: count)
      }
      let (y, intact) = guarded(expected.count, of: UInt8.self) {
        #expect(qk_average_pool2d_u8(level.isa, &shape, &average, Self.batch, x, $0) == QK_OK)
      }
      #expect(y == expected)
      #expect(intact)
    }
  }

  @Test(arguments: Level.runnable, [1, 10, 64, 100]) func globalAverageEqualsTheContract(
    level: Level, channels: Int
  ) {
    let pixels = 300
    var generator = Generator(channels)
    for fill in Fill.allCases {
      let x: [UInt8] = fill.bytes(2 * pixels * channels, &generator)
      for var average in Self.averages {
        let expected = (0..<2 * channels).map { i in
          average(
            of: (0..<pixels).map { x[(i / channels * pixels + $0) * channels + i % channels] }, count: pixels)
        }
        let (y, intact) = guarded(expected.count, of: UInt8.self) {
          #expect(qk_global_average_pool_u8(level.isa, 2, pixels, channels, &average, x, $0) == QK_OK)
        }
        #expect(y == expected)
        #expect(intact)
      }
    }
  }

  @Test func refusesWindowsThatHoldNoPixel() {
    var shape = Self.pool(4, 4, channels: 1, kernel: 2, stride: 2, pad: 2)
    var y = [UInt8](repeating: 0, count: 16)
    #expect(qk_max_pool2d_u8(0, &shape, 1, [UInt8](repeating: 0, count: 16), &y) == QK_BAD_SIZE)
  }

  // MARK: reference

  static let batch = 2

  static func pool(
    _ height: Int, _ width: Int, channels: Int, kernel: Int, stride: Int, pad: Int = 0, dilation: Int = 1
  ) -> qk_pool2d_shape {
    let reach = dilation * (kernel - 1) + 1
    return qk_pool2d_shape(
      height: height, width: width, channels: channels, out_height: (height + 2 * pad - reach) / stride + 1,
      out_width: (width + 2 * pad - reach) / stride + 1, kernel_h: kernel, kernel_w: kernel, stride_h: stride,
      stride_w: stride, dilation_h: dilation, dilation_w: dilation, pad_top: pad, pad_left: pad,
      pad_bottom: pad,
      pad_right: pad)
  }

  private func input(_ s: qk_pool2d_shape) -> [UInt8] {
    var generator = Generator(s.channels)
    return Fill.random.bytes(Self.batch * s.height * s.width * s.channels, &generator)
  }

  /// What each output reads: its bytes, and how many taps fall on the padded image.
  private func windows(_ s: qk_pool2d_shape, _ x: [UInt8]) -> [(values: [UInt8], padded: Int)] {
    var windows: [(values: [UInt8], padded: Int)] = []
    for b in 0..<Self.batch {
      for oy in 0..<s.out_height {
        for ox in 0..<s.out_width {
          for c in 0..<s.channels {
            var window: (values: [UInt8], padded: Int) = ([], 0)
            for ky in 0..<s.kernel_h {
              for kx in 0..<s.kernel_w {
                let iy = oy * s.stride_h + ky * s.dilation_h - s.pad_top
                let ix = ox * s.stride_w + kx * s.dilation_w - s.pad_left
                if iy < s.height + s.pad_bottom, ix < s.width + s.pad_right { window.padded += 1 }
                guard 0..<s.height ~= iy, 0..<s.width ~= ix else { continue }
                window.values.append(x[((b * s.height + iy) * s.width + ix) * s.channels + c])
              }
            }
            windows.append(window)
          }
        }
      }
    }
    return windows
  }
}

extension qk_average_pool2d_params {
  fileprivate func callAsFunction(of values: [UInt8], count: Int) -> UInt8 {
    let sum = values.reduce(0) { $0 + Int($1) - Int(x_zero_point) }
    let t = Float(sum) * (multiplier / Float(count))
    return UInt8(Reference.saturate(t, Int(zero_point), Int(lo), Int(hi)))
  }
}
