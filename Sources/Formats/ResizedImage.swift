/// A part of an image, in pixels and fractions of them.
struct ImagePart {
  var top, left, height, width: Double
}

/// Resizing with a triangle filter, widened where the image shrinks so that every pixel counts: Pillow's and PyTorch's
/// antialiased "bilinear". Sums are exact to fp32, rounded once, half up.
extension DecodedImage {
  var all: ImagePart { ImagePart(top: 0, left: 0, height: Double(height), width: Double(width)) }

  /// The largest part around the middle with the proportions of `size`.
  func middle(proportions size: (height: Int, width: Int)) -> ImagePart {
    let scale = min(Double(height) / Double(size.height), Double(width) / Double(size.width))
    let (tall, wide) = (scale * Double(size.height), scale * Double(size.width))
    return ImagePart(
      top: (Double(height) - tall) / 2, left: (Double(width) - wide) / 2, height: tall, width: wide)
  }

  /// Writes `part` of the image, made `size` large, to `target`: rows, pixels, channels.
  func resize(_ part: ImagePart, to size: (height: Int, width: Int), into target: UnsafeMutablePointer<UInt8>)
  {
    if size == (height, width), part.height == Double(height), part.width == Double(width) {
      for i in pixels.indices { target[i] = pixels[i] }
      return
    }
    let rows = FilterTaps(from: part.top, length: part.height, of: height, to: size.height)
    let columns = FilterTaps(from: part.left, length: part.width, of: width, to: size.width)
    // Rows that are needed, each made narrower or wider, then those added up.
    var narrow = [Float](repeating: 0, count: height * size.width * channels)
    for y in rows.needed {
      for x in 0..<size.width {
        let (first, weights) = columns[x]
        for c in 0..<channels {
          var sum: Float = 0
          for (i, weight) in weights.enumerated() {
            sum += weight * Float(pixels[(y * width + first + i) * channels + c])
          }
          narrow[(y * size.width + x) * channels + c] = sum
        }
      }
    }
    let row = size.width * channels
    for y in 0..<size.height {
      let (first, weights) = rows[y]
      for i in 0..<row {
        var sum: Float = 0
        for (j, weight) in weights.enumerated() { sum += weight * narrow[(first + j) * row + i] }
        target[y * row + i] = UInt8(min(max((sum + 0.5).rounded(.down), 0), 255))
      }
    }
  }
}

/// For each place along one side of the result: where its pixels begin, and their weights, which add up to 1.
private struct FilterTaps {
  private var taps: [(first: Int, weights: [Float])] = []

  init(from start: Double, length: Double, of count: Int, to size: Int) {
    let scale = length / Double(size)
    let reach = max(scale, 1)
    for place in 0..<size {
      let centre = start + (Double(place) + 0.5) * scale
      let first = max(0, Int((centre - reach + 0.5).rounded(.down)))
      let last = min(count, Int((centre + reach + 0.5).rounded(.down)))
      let weights = (first..<max(last, first + 1)).map {
        max(0, 1 - abs((Double($0) + 0.5 - centre) / reach))
      }
      let sum = weights.reduce(0, +)
      taps.append((first, weights.map { Float($0 / sum) }))
    }
  }

  subscript(place: Int) -> (first: Int, weights: [Float]) { taps[place] }

  /// The places of the image that any result is made of.
  var needed: Range<Int> {
    guard let first = taps.first, let last = taps.last else { return 0..<0 }
    return first.first..<(last.first + last.weights.count)
  }
}
