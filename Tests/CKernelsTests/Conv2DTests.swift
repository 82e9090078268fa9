import CKernels
import Testing

@Suite struct Conv2DTests {
  static let shapes: [qk_conv2d_shape] = [
    .square(1, 1, channels: 1, out: 1, kernel: 1),
    .square(9, 7, channels: 3, out: 16, kernel: 3, pad: 1),
    .square(8, 8, channels: 3, out: 5, kernel: 3, stride: 2),
    .square(11, 6, channels: 1, out: 33, kernel: 5, pad: 2, stride: 2),
    .square(6, 6, channels: 16, out: 32, kernel: 3, pad: 1),
    .square(6, 5, channels: 4, out: 17, kernel: 3),
    .square(5, 9, channels: 5, out: 20, kernel: 1),
    .square(9, 9, channels: 8, out: 24, kernel: 1, stride: 2),
    .square(10, 9, channels: 6, out: 10, kernel: 3, pad: 2, dilation: 2),
    .square(10, 9, channels: 8, out: 9, kernel: 2, stride: 3, dilation: 3),
    .square(7, 7, channels: 12, out: 8, kernel: 3, pad: 1, groups: 2),
    .square(7, 7, channels: 6, out: 9, kernel: 3, pad: 1, groups: 3),
    .square(6, 6, channels: 10, out: 6, kernel: 1, groups: 2),
    .square(4, 4, channels: 4, out: 12, kernel: 3, pad: 1, groups: 4),
    .square(3, 3, channels: 2, out: 3, kernel: 3, pad: 5),
    // windows that leave the image on both sides, or lie wholly in the padding
    .square(4, 27, channels: 16, out: 16, kernel: 3, pad: 1),
    .square(5, 3, channels: 4, out: 40, kernel: 5, pad: 2),
    .square(2, 2, channels: 4, out: 16, kernel: 3, pad: 5),
    .square(9, 8, channels: 8, out: 32, kernel: 3, pad: 1, stride: 2),
    .square(7, 9, channels: 4, out: 3, kernel: 3, pad: 3, stride: 2, dilation: 2),
    .square(5, 5, channels: 8, out: 64, kernel: 3, pad: 1, groups: 2),
    .square(1, 1, channels: 4, out: 5, kernel: 69, pad: 34),
    .square(7, 11, channels: 8, out: 16, kernel: 1),
    .square(5, 7, channels: 32, out: 80, kernel: 1),
    // depthwise
    .square(1, 1, channels: 2, out: 2, kernel: 1, groups: 2),
    .square(8, 7, channels: 32, out: 32, kernel: 3, pad: 1, groups: 32),
    .square(9, 8, channels: 64, out: 64, kernel: 3, pad: 1, stride: 2, groups: 64),
    .square(5, 6, channels: 65, out: 65, kernel: 3, groups: 65),
    .square(6, 6, channels: 130, out: 130, kernel: 5, pad: 2, groups: 130),
    .square(12, 11, channels: 17, out: 17, kernel: 3, pad: 2, dilation: 2, groups: 17),
    .square(3, 2, channels: 3, out: 3, kernel: 5, pad: 4, stride: 3, groups: 3),
    .square(4, 15, channels: 48, out: 48, kernel: 4, pad: 1, groups: 48),
    .square(7, 11, channels: 8, out: 8, kernel: 3, pad: 1, groups: 8),
    .square(5, 9, channels: 24, out: 24, kernel: 3, pad: 1, groups: 24),
    .square(9, 9, channels: 16, out: 16, kernel: 5, pad: 2, stride: 2, groups: 16),
    .square(8, 9, channels: 20, out: 20, kernel: 7, pad: 3, groups: 20),
    .square(10, 3, channels: 33, out: 33, kernel: 3, pad: 1, stride: 2, dilation: 2, groups: 33),
    .square(3, 140, channels: 70, out: 70, kernel: 3, pad: 1, groups: 70),
    qk_conv2d_shape(
      height: 6, width: 9, channels: 3, out_channels: 7, groups: 1, kernel_h: 2, kernel_w: 4, stride_h: 1,
      stride_w: 2,
      dilation_h: 2, dilation_w: 1, pad_top: 1, pad_left: 0, pad_bottom: 2, pad_right: 3),
    qk_conv2d_shape(
      height: 7, width: 9, channels: 20, out_channels: 20, groups: 20, kernel_h: 1, kernel_w: 7, stride_h: 2,
      stride_w: 1, dilation_h: 1, dilation_w: 1, pad_top: 0, pad_left: 3, pad_bottom: 1, pad_right: 2),
  ]

  @Test(arguments: Level.runnable, shapes) func equalsTheContract(level: Level, shape: qk_conv2d_shape) throws
  {
    var shape = shape
    let batch = 2, depth = shape.kernel_h * shape.kernel_w * shape.channels / shape.groups
    for (seed, fill) in Fill.allCases.enumerated() {
      var generator = Generator(seed)
      let x: [UInt8] = fill.bytes(batch * shape.height * shape.width * shape.channels, &generator)
      let w: [Int8] = fill.bytes(shape.out_channels * depth, &generator)
      let bias = randomBias(shape.out_channels, &generator)
      let multiplier = randomMultipliers(shape.out_channels, depth: depth, &generator)
      for zeroPoint: UInt8 in [0, 117, 255] {
        var bytes = 0
        try #require(qk_conv2d_u8s8_packed_bytes(level.isa, &shape, &bytes) == QK_OK)
        let packed = AlignedMemory(bytes)
        try #require(
          qk_conv2d_u8s8_pack(level.isa, &shape, w, bias, multiplier, zeroPoint, packed.pointer) == QK_OK)
        let scratch = AlignedMemory(qk_conv2d_u8s8_scratch_bytes(packed.pointer))
        let sums = Reference.convolution(shape, batch: batch, x, zeroPoint, w, bias)
        for var output in qk_output.all {
          let expected = sums.enumerated().map {
            Reference.store($1, multiplier[$0 % shape.out_channels], output)
          }
          let (y, intact) = outputs(output, sums.count) {
            #expect(qk_conv2d_u8s8(packed.pointer, batch, x, &output, $0, scratch.pointer) == QK_OK)
          }
          #expect(y == expected, "\(fill), zero point \(zeroPoint), output \(output)")
          #expect(intact)
        }
      }
    }
  }

  @Test(
    arguments: Level.runnable,
    [
      .square(6, 25, channels: 3, out: 16, kernel: 3, pad: 1),
      .square(5, 4, channels: 8, out: 33, kernel: 3, pad: 2, stride: 2),
      .square(4, 6, channels: 4, out: 16, kernel: 1),
      .square(5, 6, channels: 20, out: 20, kernel: 3, pad: 1, groups: 20),
    ] as [qk_conv2d_shape]) func rowsComputedApartMakeTheWhole(level: Level, shape: qk_conv2d_shape) throws
  {
    var shape = shape, bytes = 0, height = 0, width = 0
    let batch = 5, depth = shape.kernel_h * shape.kernel_w * shape.channels / shape.groups
    var generator = Generator(1), output = qk_output.all[0]
    let x: [UInt8] = Fill.random.bytes(batch * shape.height * shape.width * shape.channels, &generator)
    let w: [Int8] = Fill.random.bytes(shape.out_channels * depth, &generator)
    let multiplier = randomMultipliers(shape.out_channels, depth: depth, &generator)
    try #require(qk_conv2d_output_size(&shape, &height, &width) == QK_OK)
    try #require(qk_conv2d_u8s8_packed_bytes(level.isa, &shape, &bytes) == QK_OK)
    let packed = AlignedMemory(bytes)
    try #require(qk_conv2d_u8s8_pack(level.isa, &shape, w, nil, multiplier, 99, packed.pointer) == QK_OK)
    let scratch = AlignedMemory(qk_conv2d_u8s8_scratch_bytes(packed.pointer))
    let row = width * shape.out_channels, rows = batch * height
    let (whole, _) = outputs(output, rows * row) {
      #expect(qk_conv2d_u8s8(packed.pointer, batch, x, &output, $0, scratch.pointer) == QK_OK)
    }
    for count in 1...rows {
      for first in stride(from: 0, through: rows - count, by: 3) {
        let (part, intact) = outputs(output, rows * row) { y in
          y.initializeMemory(as: UInt8.self, repeating: 7, count: rows * row)
          #expect(
            qk_conv2d_u8s8_rows(packed.pointer, batch, x, &output, y, first, count, scratch.pointer) == QK_OK)
        }
        let expected = whole.enumerated().map { first..<first + count ~= $0 / row ? $1 : 7 }
        #expect(part == expected, "rows \(first)..<\(first + count)")
        #expect(intact)
      }
    }
    var none: UInt8 = 0
    for (first, count) in [(0, rows + 1), (rows, 1), (rows + 1, 0), (1, Int.max)] {
      #expect(
        qk_conv2d_u8s8_rows(packed.pointer, batch, x, &output, &none, first, count, scratch.pointer)
          == QK_BAD_SIZE)
    }
  }

  @Test(arguments: Level.runnable) func productsTooLargeForAnIntegerSaturate(level: Level) throws {
    var shape = qk_conv2d_shape.square(5, 6, channels: 4, out: 19, kernel: 3, pad: 1), bytes = 0
    var generator = Generator(3)
    let x: [UInt8] = Fill.random.bytes(5 * 6 * 4, &generator)
    let w: [Int8] = Fill.random.bytes(19 * 36, &generator)
    let multiplier = (0..<19).map { Float([1e-3, 1e6, 3e38][$0 % 3]) }
    let bias = randomBias(19, &generator)
    try #require(qk_conv2d_u8s8_packed_bytes(level.isa, &shape, &bytes) == QK_OK)
    let packed = AlignedMemory(bytes)
    try #require(qk_conv2d_u8s8_pack(level.isa, &shape, w, bias, multiplier, 120, packed.pointer) == QK_OK)
    let scratch = AlignedMemory(qk_conv2d_u8s8_scratch_bytes(packed.pointer))
    let sums = Reference.convolution(shape, batch: 1, x, 120, w, bias)
    for var output in qk_output.all {
      let (y, _) = outputs(output, sums.count) {
        #expect(qk_conv2d_u8s8(packed.pointer, 1, x, &output, $0, scratch.pointer) == QK_OK)
      }
      #expect(y == sums.enumerated().map { Reference.store($1, multiplier[$0 % 19], output) }, "\(output)")
    }
  }

  @Test func tellsTheOutputSize() {
    var shape = qk_conv2d_shape.square(96, 49, channels: 3, out: 8, kernel: 3, pad: 1, stride: 2)
    var height = 0, width = 0
    #expect(qk_conv2d_output_size(&shape, &height, &width) == QK_OK)
    #expect((height, width) == (48, 25))
  }

  @Test(
    arguments: [
      .square(2, 2, channels: 1, out: 1, kernel: 3),
      .square(4, 4, channels: 3, out: 4, kernel: 1, groups: 2),
      .square(4, 4, channels: 1, out: 1, kernel: 1, stride: 0),
      .square(0, 4, channels: 1, out: 1, kernel: 1),
      .square(-1, 4, channels: 1, out: 1, kernel: 1),
    ] as [qk_conv2d_shape]) func refusesSizesThatDoNotFit(shape: qk_conv2d_shape)
  {
    var shape = shape, bytes = 0
    #expect(qk_conv2d_u8s8_packed_bytes(0, &shape, &bytes) == QK_BAD_SIZE)
  }

  @Test func refusesSumsTooDeep() {
    var shape = qk_conv2d_shape.square(30, 30, channels: 8000, out: 1, kernel: 3), bytes = 0
    #expect(qk_conv2d_u8s8_packed_bytes(0, &shape, &bytes) == QK_TOO_DEEP)
  }
}

extension qk_conv2d_shape {
  static func square(
    _ height: Int, _ width: Int, channels: Int, out: Int, kernel: Int, pad: Int = 0, stride: Int = 1,
    dilation: Int = 1, groups: Int = 1
  ) -> qk_conv2d_shape {
    qk_conv2d_shape(
      height: height, width: width, channels: channels, out_channels: out, groups: groups, kernel_h: kernel,
      kernel_w: kernel, stride_h: stride, stride_w: stride, dilation_h: dilation, dilation_w: dilation,
      pad_top: pad, pad_left: pad, pad_bottom: pad, pad_right: pad)
  }
}
