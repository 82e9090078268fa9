import CKernels
import Testing

/// The files of `plain` whose loops are their own, held to the kernels' bits. The others are the portable kernels.
@Suite struct PlainTests {
  private static let stages = qk_output.all.filter { $0.kind == QK_OUTPUT_U8 || $0.kind == QK_OUTPUT_F32 }

  /// Runs `body` with a layer of weights [outputs, depth], which lie as `order` tells.
  private func withLayer<Result>(
    _ w: [Int8], outputs: Int, _ bias: [Int32], _ multiplier: [Float], _ zeroPoint: UInt8,
    _ output: qk_output,
    order: (Int) -> Int, _ body: (inout qk_layer) -> Result
  ) -> Result {
    let depth = w.count / outputs
    var moved = w
    for i in w.indices { moved[order(i)] = w[i] }
    let folded = bias.enumerated().map { row, bias in
      bias - Int32(zeroPoint) * w[row * depth..<(row + 1) * depth].reduce(0) { $0 + Int32($1) }
    }
    return moved.withUnsafeBufferPointer { w in
      folded.withUnsafeBufferPointer { bias in
        multiplier.withUnsafeBufferPointer { multiplier in
          var layer = qk_layer(
            weights: w.baseAddress, bias: bias.baseAddress, multiplier: multiplier.baseAddress,
            x_zero_point: zeroPoint, is_float: output.kind == QK_OUTPUT_F32 ? 1 : 0,
            zero_point: output.zero_point, lo: output.lo, hi: output.hi)
          return body(&layer)
        }
      }
    }
  }

  @Test(arguments: Conv2DTests.shapes) func convolutionsAreTheKernels(shape: qk_conv2d_shape) throws {
    var shape = shape, height = 0, width = 0, bytes = 0
    let inputs = shape.channels / shape.groups, taps = shape.kernel_h * shape.kernel_w, depth = inputs * taps
    try #require(qk_conv2d_output_size(&shape, &height, &width) == QK_OK)
    try #require(qk_conv2d_u8s8_packed_bytes(0, &shape, &bytes) == QK_OK)
    var windows = qk_windows2d(shape, height, width)
    let count = height * width * shape.out_channels
    let isDepthwise = shape.groups == shape.channels && shape.out_channels == shape.channels
    for (seed, fill) in Fill.allCases.enumerated() {
      var generator = Generator(seed)
      let x: [UInt8] = fill.bytes(shape.height * shape.width * shape.channels, &generator)
      let w: [Int8] = fill.bytes(shape.out_channels * depth, &generator)
      let bias = randomBias(shape.out_channels, &generator)
      let multiplier = randomMultipliers(shape.out_channels, depth: depth, &generator)
      for zeroPoint: UInt8 in [0, 117, 255] {
        let packed = AlignedMemory(bytes)
        try #require(qk_conv2d_u8s8_pack(0, &shape, w, bias, multiplier, zeroPoint, packed.pointer) == QK_OK)
        let scratch = AlignedMemory(qk_conv2d_u8s8_scratch_bytes(packed.pointer))
        for var output in Self.stages {
          let (expected, _) = outputs(output, count) {
            #expect(qk_conv2d_u8s8(packed.pointer, 1, x, &output, $0, scratch.pointer) == QK_OK)
          }
          let product = { (i: Int) in (i / depth * taps + i % taps) * inputs + i / taps % inputs }
          let (y, intact) = outputs(output, count) { y in
            withLayer(w, outputs: shape.out_channels, bias, multiplier, zeroPoint, output, order: product) {
              var window = [UInt8](repeating: 0, count: depth)
              qk_conv2d_image(&$0, &windows, shape.groups, shape.out_channels, x, y, &window)
            }
          }
          #expect(y == expected && intact, "\(fill), zero point \(zeroPoint), output \(output)")
          guard isDepthwise else { continue }
          let (own, kept) = outputs(output, count) { y in
            withLayer(
              w, outputs: shape.channels, bias, multiplier, zeroPoint, output,
              order: { $0 % taps * shape.channels + $0 / taps }
            ) { qk_depthwise_image(&$0, &windows, x, y) }
          }
          #expect(own == expected && kept, "depthwise: \(fill), zero point \(zeroPoint), output \(output)")
        }
      }
    }
  }

  @Test(arguments: GemmTests.sizes) func productsAreTheKernels(size: GemmTests.Size) throws {
    let (m, n, k) = (size.m, size.n, size.k)
    var bytes = 0
    try #require(qk_gemm_u8s8_packed_bytes(0, n, k, &bytes) == QK_OK)
    for (seed, fill) in Fill.allCases.enumerated() {
      var generator = Generator(seed)
      let a: [UInt8] = fill.bytes(m * k, &generator), w: [Int8] = fill.bytes(n * k, &generator)
      let bias = randomBias(n, &generator), multiplier = randomMultipliers(n, depth: k, &generator)
      let packed = AlignedMemory(bytes)
      try #require(qk_gemm_u8s8_pack(0, n, k, w, bias, multiplier, 99, packed.pointer) == QK_OK)
      for var output in Self.stages {
        let (expected, _) = outputs(output, m * n) {
          #expect(qk_gemm_u8s8(packed.pointer, m, a, k, &output, $0, n) == QK_OK)
        }
        let (y, intact) = outputs(output, m * n) { y in
          withLayer(w, outputs: n, bias, multiplier, 99, output, order: { $0 }) {
            qk_linear_rows(&$0, m, k, n, a, y)
          }
        }
        #expect(y == expected && intact, "\(fill), output \(output)")
      }
    }
  }

  @Test(arguments: PoolTests.shapes) func poolingIsTheKernels(shape: qk_pool2d_shape) {
    var shape = shape, generator = Generator(shape.channels)
    var windows = qk_windows2d(shape)
    let x: [UInt8] = Fill.random.bytes(shape.height * shape.width * shape.channels, &generator)
    let count = shape.out_height * shape.out_width * shape.channels
    let (most, _) = guarded(count) { #expect(qk_max_pool2d_u8(0, &shape, 1, x, $0) == QK_OK) }
    let (y, intact) = guarded(count) { qk_max_pool_image(&windows, x, $0) }
    #expect(y == most && intact)
    for var average in PoolTests.averages {
      var averaging = qk_averaging(
        multiplier: average.multiplier, x_zero_point: average.x_zero_point, zero_point: average.zero_point,
        lo: average.lo, hi: average.hi, count_include_pad: average.count_include_pad ? 1 : 0)
      let (expected, _) = guarded(count) {
        #expect(qk_average_pool2d_u8(0, &shape, &average, 1, x, $0) == QK_OK)
      }
      let (y, intact) = guarded(count) { qk_average_pool_image(&windows, &averaging, x, $0) }
      #expect(y == expected && intact)
    }
  }

  @Test(arguments: [1, 15, 300]) func concatenationIsTheKernels(width: Int) {
    var generator = Generator(width)
    let (rows, stride) = (3, width + 4)
    let x: [UInt8] = Fill.random.bytes(rows * width, &generator)
    let table: [UInt8] = Fill.random.bytes(256, &generator)
    x.withUnsafeBufferPointer { x in
      table.withUnsafeBufferPointer { table in
        for table in [nil, table.baseAddress] {
          let part = qk_concat_u8_part(x: x.baseAddress, n: width, x_stride: width, table: table)
          let (expected, _) = guarded(rows * stride) {
            #expect(qk_concat_u8(0, rows, 1, [part], $0, stride) == QK_OK)
          }
          let (y, intact) = guarded(rows * stride) {
            var through = qk_rows_u8(
              count: rows, n: width, x: x.baseAddress, x_stride: width, y: $0, y_stride: stride)
            qk_concat_rows(&through, table)
          }
          #expect(y == expected && intact)
        }
      }
    }
  }
}

extension qk_windows2d {
  init(_ s: qk_conv2d_shape, _ outHeight: Int, _ outWidth: Int) {
    self.init(
      height: Int32(s.height), width: Int32(s.width), channels: Int32(s.channels),
      out_height: Int32(outHeight), out_width: Int32(outWidth), kernel_h: Int32(s.kernel_h),
      kernel_w: Int32(s.kernel_w), stride_h: Int32(s.stride_h), stride_w: Int32(s.stride_w),
      dilation_h: Int32(s.dilation_h), dilation_w: Int32(s.dilation_w), pad_top: Int32(s.pad_top),
      pad_left: Int32(s.pad_left), pad_bottom: Int32(s.pad_bottom), pad_right: Int32(s.pad_right))
  }

  init(_ s: qk_pool2d_shape) {
    self.init(
      height: Int32(s.height), width: Int32(s.width), channels: Int32(s.channels),
      out_height: Int32(s.out_height), out_width: Int32(s.out_width), kernel_h: Int32(s.kernel_h),
      kernel_w: Int32(s.kernel_w), stride_h: Int32(s.stride_h), stride_w: Int32(s.stride_w),
      dilation_h: Int32(s.dilation_h), dilation_w: Int32(s.dilation_w), pad_top: Int32(s.pad_top),
      pad_left: Int32(s.pad_left), pad_bottom: Int32(s.pad_bottom), pad_right: Int32(s.pad_right))
  }
}
