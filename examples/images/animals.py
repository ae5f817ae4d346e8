"""Draws heads of animals: photographs of nothing, with a made-up background, light and noise."""

from collections.abc import Callable
from math import cos, pi, sin

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

Colour = tuple[int, int, int]
Point = tuple[float, float]

WIDTH, HEIGHT = 320, 240


class Head:
    """A round head of which parts are drawn, in coordinates of its own: x right, y down, radius 1."""

    def __init__(self, image: Image.Image, random: np.random.Generator) -> None:
        self.random = random
        self.canvas = ImageDraw.Draw(image)
        self.radius = random.uniform(45, 75)
        self.centre = (WIDTH / 2 + random.uniform(-25, 25), HEIGHT / 2 + random.uniform(0, 30))
        self.tilt = random.uniform(-0.35, 0.35)
        self.fur = any_colour(random, 90, 230)
        self.dark = shade(self.fur, 0.55)
        self.light = shade(self.fur, 1.25)

    def at(self, x: float, y: float) -> Point:
        across = x * cos(self.tilt) - y * sin(self.tilt)
        down = x * sin(self.tilt) + y * cos(self.tilt)
        return self.centre[0] + self.radius * across, self.centre[1] + self.radius * down

    def polygon(self, points: list[Point], colour: Colour) -> None:
        self.canvas.polygon([self.at(x, y) for x, y in points], fill=colour)

    def ellipse(self, x: float, y: float, width: float, height: float, colour: Colour) -> None:
        turns = (2 * pi * step / 36 for step in range(36))
        self.polygon([(x + width * cos(t), y + height * sin(t)) for t in turns], colour)

    def line(self, start: Point, end: Point, colour: Colour, width: int = 2) -> None:
        self.canvas.line([self.at(*start), self.at(*end)], fill=colour, width=width)

    def face(self, eye: float) -> None:
        """The head itself, and eyes of some size."""
        self.ellipse(0, 0, 1, 0.92, self.fur)
        for side in (-1, 1):
            self.ellipse(0.38 * side, -0.15, eye, eye, (250, 250, 240))
            self.ellipse(0.38 * side, -0.15, 0.5 * eye, 0.9 * eye, (20, 20, 25))


def kitten(head: Head) -> None:
    for side in (-1, 1):
        tip = (0.85 * side, -1.35)
        head.polygon([(0.2 * side, -0.8), tip, (0.98 * side, -0.2)], head.fur)
        head.polygon([(0.4 * side, -0.8), (0.8 * side, -1.15), (0.85 * side, -0.45)], head.dark)
    head.face(0.2)
    head.polygon([(-0.1, 0.2), (0.1, 0.2), (0, 0.33)], (225, 120, 130))
    for side in (-1, 1):
        for slope in (0.1, 0.25, 0.4):
            head.line((0.2 * side, 0.3 + 0.3 * slope), (1.15 * side, slope), (245, 245, 245))


def puppy(head: Head) -> None:
    head.face(0.16)
    for side in (-1, 1):
        head.ellipse(0.95 * side, 0.1, 0.28, 0.75, head.dark)
    head.ellipse(0, 0.4, 0.45, 0.36, head.light)
    head.ellipse(0, 0.22, 0.2, 0.14, (25, 20, 20))
    head.ellipse(0, 0.72, 0.14, 0.24, (225, 90, 100))


def rabbit(head: Head) -> None:
    for side in (-1, 1):
        head.ellipse(0.38 * side, -1.35, 0.24, 0.85, head.fur)
        head.ellipse(0.38 * side, -1.35, 0.11, 0.65, (230, 160, 165))
    head.face(0.17)
    head.ellipse(0, 0.2, 0.1, 0.07, (225, 120, 130))
    head.polygon([(-0.13, 0.45), (0.13, 0.45), (0.13, 0.75), (-0.13, 0.75)], (250, 250, 250))


def bear(head: Head) -> None:
    for side in (-1, 1):
        head.ellipse(0.75 * side, -0.75, 0.36, 0.36, head.fur)
        head.ellipse(0.75 * side, -0.75, 0.2, 0.2, head.dark)
    head.face(0.11)
    head.ellipse(0, 0.38, 0.42, 0.34, head.light)
    head.ellipse(0, 0.26, 0.17, 0.12, (25, 20, 20))


ANIMALS: dict[str, Callable[[Head], None]] = {
    "kitten": kitten,
    "puppy": puppy,
    "rabbit": rabbit,
    "bear": bear,
}


def draw(name: str, random: np.random.Generator) -> Image.Image:
    """One picture of 320 x 240 pixels."""
    image = background(random)
    ANIMALS[name](Head(image, random))
    blurred = image.filter(ImageFilter.GaussianBlur(random.uniform(0.3, 1.2)))
    pixels = np.asarray(blurred, np.float32) * random.uniform(0.75, 1.15)
    noisy = pixels + random.normal(0, random.uniform(1, 6), (HEIGHT, WIDTH, 1))
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))


def background(random: np.random.Generator) -> Image.Image:
    """A colour that runs into another, and some shapes on it."""
    left, right = (np.array(any_colour(random, 30, 220), np.float32) for _ in range(2))
    share = np.linspace(0, 1, WIDTH, dtype=np.float32)[None, :, None]
    row = left * (1 - share) + right * share
    image = Image.fromarray(np.repeat(row, HEIGHT, axis=0).astype(np.uint8))
    canvas = ImageDraw.Draw(image)
    for _ in range(random.integers(2, 7)):
        x, y = random.uniform(0, WIDTH), random.uniform(0, HEIGHT)
        size = random.uniform(8, 40)
        shape = canvas.ellipse if random.random() < 0.5 else canvas.rectangle
        shape([x - size, y - size, x + size, y + size], fill=any_colour(random, 30, 220))
    return image


def any_colour(random: np.random.Generator, least: int, most: int) -> Colour:
    red, green, blue = random.integers(least, most, 3).tolist()
    return red, green, blue


def shade(colour: Colour, factor: float) -> Colour:
    red, green, blue = (min(255, round(part * factor)) for part in colour)
    return red, green, blue
